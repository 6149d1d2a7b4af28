import pytest

from query_api.grouping import NOT_SET, told, value
from query_api.parameters import Parameters
from query_api.question.dimensions import DIMENSIONS
from query_api.question.filters import Property


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        (("1", "number"), {"value": "1", "type": "number"}),
        (("1", "string"), {"value": "1", "type": "string"}),
        (("", "string"), {"value": "", "type": "string"}),
        (NOT_SET, {"value": None, "type": None}),
    ],
)
def test_how_a_value_is_told(found: tuple[str, str], answer: dict[str, str | None]) -> None:
    assert told(found) == answer


def test_the_key_is_a_parameter() -> None:
    parameters = Parameters()
    assert "a'b" not in value(Property("a'b"), parameters)
    assert parameters.values == {"p0": "a'b"}
    assert value(DIMENSIONS["bot"], parameters).count("bot_kind") == 4
