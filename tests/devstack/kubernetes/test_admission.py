import pytest

from devstack.kubernetes.admission import Fault, judge, name_of

DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "writer"}}


def test_an_object_that_was_taken_has_no_faults() -> None:
    verdict = judge(DEPLOYMENT, 201, DEPLOYMENT, [])
    assert verdict.taken
    assert verdict.name == name_of(DEPLOYMENT) == "Deployment writer"


def test_each_cause_is_told_with_its_field() -> None:
    causes = [
        {"reason": "FieldValueInvalid", "field": "spec.replicas", "message": "must not be negative"},
        {"reason": "FieldValueRequired", "field": "spec.selector", "message": "Required value"},
    ]
    verdict = judge(DEPLOYMENT, 422, {"message": "is invalid", "details": {"causes": causes}}, [])
    assert not verdict.taken
    assert list(map(str, verdict.faults)) == [
        "spec.replicas: must not be negative",
        "spec.selector: Required value",
    ]


def test_a_field_that_nobody_knows_is_found_in_the_text() -> None:
    one = (
        "failed to create typed patch object (shop/writer; apps/v1, Kind=Deployment): "
        '.spec.template.spec.containers[name="writer"].imagge: field not declared in schema'
    )
    assert judge(DEPLOYMENT, 500, {"message": one}, []).faults == (
        Fault('.spec.template.spec.containers[name="writer"].imagge', "field not declared in schema"),
    )
    two = (
        "failed to create typed patch object (shop/writer; apps/v1, Kind=Deployment): errors:\n"
        "  .spec.a: field not declared in schema\n  .spec.b: field not declared in schema"
    )
    assert [fault.field for fault in judge(DEPLOYMENT, 500, {"message": two}, []).faults] == [
        ".spec.a",
        ".spec.b",
    ]


def test_a_text_without_a_field_is_told_as_it_is() -> None:
    text = 'namespaces "shop" not found'
    assert judge(DEPLOYMENT, 404, {"message": text, "details": {"name": "shop"}}, []).faults == (
        Fault("", text),
    )
    assert not judge(DEPLOYMENT, 500, {}, []).taken


@pytest.mark.parametrize(
    ("headers", "texts"),
    [
        (['299 - "would violate \\"restricted\\""'], ['would violate "restricted"']),
        (['299 - "one", 299 - "two"'], ["one", "two"]),
        (['299 - "one"', '299 - "two"'], ["one", "two"]),
    ],
)
def test_a_warning_counts_as_a_refusal(headers: list[str], texts: list[str]) -> None:
    verdict = judge(DEPLOYMENT, 200, DEPLOYMENT, headers)
    assert list(verdict.warnings) == texts
    assert not verdict.faults
    assert not verdict.taken
