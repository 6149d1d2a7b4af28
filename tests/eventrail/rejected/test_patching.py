"""The vectors are those of RFC 7396, appendix A."""

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.contract.v1.enriched_pb2 import EventType
from eventrail.errors import ConfigurationError
from eventrail.rejected.identity import settled
from eventrail.rejected.original import json_form
from eventrail.rejected.patching import (
    IdentityChange,
    Patch,
    PatchRefused,
    merge,
    parse_patch,
    patched,
)
from tests.eventrail.rejected.making import ID, enriched, raw

VECTORS: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


def patch(**changes: Any) -> Patch:
    return parse_patch(json.dumps(changes).encode(), "p.json")


@pytest.mark.parametrize(("target", "change", "result"), VECTORS)
def test_the_vectors_of_the_rfc(target: Any, change: Any, result: Any) -> None:
    before = json.dumps([target, change])
    assert merge(target, change) == result
    assert json.dumps([target, change]) == before


@given(values, values)
def test_a_patch_laid_on_twice_changes_nothing_more(target: Any, change: Any) -> None:
    once = merge(target, change)
    assert merge(once, change) == once


@given(values, st.dictionaries(st.sampled_from("abc"), values, max_size=3))
def test_what_a_patch_does_not_name_stays(target: Any, change: dict[str, Any]) -> None:
    made = merge(target, change)
    for name, value in target.items() if isinstance(target, dict) else ():
        if name not in change:
            assert made[name] == value
    for name, value in change.items():
        assert (name in made) == (value is not None)


names = st.sampled_from(["website_id", "event_id", "event_name", "url", "language", "visitor_id", "referrer"])
texts = st.none() | st.sampled_from(
    ["", "shop", "blog", "purchase", " x", ID, ID.upper(), "https://a.example/"]
)
numbers = st.none() | st.sampled_from([0, 1, 20_602, 65_536, "20602"])


@given(
    st.dictionaries(names, texts, min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(["identity_day", "timestamp_ms", "received_at_ms"]), numbers, max_size=2),
    st.fixed_dictionaries(
        {},
        optional={
            "website_id": st.sampled_from(["", "a b", "blog"]),
            "event_id": st.sampled_from(["", "x", ID.upper()]),
            "event_name": st.sampled_from(["", "signup", " "]),
            "event_type": st.integers(0, 2),
            "identity_day": st.sampled_from([0, -1, 7, 65_536]),
        },
    ),
)
def test_a_patch_never_makes_another_event_of_one_that_has_an_identity(
    words: dict[str, Any], moments: dict[str, Any], fields: dict[str, Any]
) -> None:
    event = raw(**fields)
    before = event.SerializeToString(deterministic=True)
    changes = words | moments
    would_be = {
        name: type(getattr(event, name))(
            changes[name] or 0 if name == "identity_day" else changes[name] or ""
        )
        for name in settled(event)
        if name in changes
    }
    if any(getattr(event, name) != value for name, value in would_be.items()):
        with pytest.raises(IdentityChange):
            patched(event, patch(**changes))
        return
    made = patched(event, patch(**changes))
    assert event.SerializeToString(deterministic=True) == before
    for name in settled(event):
        assert getattr(made, name) == getattr(event, name)
    assert json_form(made) == json_form(type(event)(**_as_fields(event, made, changes)))


def _as_fields(event: Any, made: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """The fields of `event`, with those that the patch names as they are in `made`."""
    return {
        field.name: getattr(made if field.name in changes else event, field.name)
        for field in event.DESCRIPTOR.fields
        if field.message_type is None or event.HasField(field.name)
    }


def test_a_name_can_be_given_and_an_address_taken_away() -> None:
    event = raw(event_name="")
    made = patched(
        event, patch(event_name="signup", client_address=None, screen={"width": 800, "height": 600})
    )
    assert made.event_name == "signup"
    assert not made.HasField("client_address")
    assert (made.screen.width, made.url) == (800, event.url)


def test_a_field_inside_another_is_changed_alone() -> None:
    event = enriched(screen={"width": 70_000, "height": 600}, page={"url": "/a", "path": "/a"})
    made = patched(event, patch(screen={"width": 700}, page={"url": None}))
    assert (made.screen.width, made.screen.height) == (700, 600)
    assert (made.page.url, made.page.path) == ("", "/a")


@pytest.mark.parametrize(
    "changes",
    [{"website_id": "blog"}, {"event_id": "0190163d-8694-739b-aea5-966c26f8ad92"}, {"identity_day": 7},
     {"event_name": "other"}, {"website_id": None}],
)  # fmt: skip
def test_an_identity_that_is_in_order_stays(changes: dict[str, Any]) -> None:
    [name] = changes
    for event in (raw(), enriched()):
        with pytest.raises(IdentityChange, match=f"^{name} is .* belongs to the event's identity; it stays"):
            patched(event, patch(**changes))


def test_the_same_value_is_no_change() -> None:
    assert patched(raw(), patch(website_id="shop", language="en")).language == "en"


def test_the_place_on_the_raw_topic_stays() -> None:
    with pytest.raises(IdentityChange, match="raw_position"):
        patched(enriched(), patch(raw_position={"offset": 71}))


def test_an_encrypted_address_cannot_be_written() -> None:
    with pytest.raises(PatchRefused, match="is encrypted; a patch can only remove it"):
        patched(raw(), patch(client_address={"key_id": "k2"}))


def test_what_a_newer_version_wrote_is_not_lost() -> None:
    event = raw(event_name="")
    event.MergeFromString(b"\x9a\x3f\x03new")  # field 1011, which nobody here knows
    assert b"new" in event.SerializeToString()
    with pytest.raises(PatchRefused, match="fields that this version does not know"):
        patched(event, patch(event_name="a"))


@pytest.mark.parametrize(
    "changes",
    [{"timestamp_ms": "soon"}, {"timestamp_ms": 10**30}, {"event_type": "EVENT_TYPE_NONE"}, {"url": 5},
     {"screen": 3}, {"without_visitor": "yes"}, {"url": ["a"]}, {"url": "\ud800"}],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_told(changes: dict[str, Any]) -> None:
    with pytest.raises(PatchRefused, match="the patched event is no RawEvent"):
        patched(raw(), patch(**changes))


def test_a_field_of_the_other_message_does_not_fit_this_one() -> None:
    changes = patch(page={"url": "/a"})
    assert patched(enriched(), changes).page.url == "/a"
    with pytest.raises(PatchRefused, match="RawEvent has no field 'page'"):
        patched(raw(), changes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[1]", "expected a JSON object with at least one field"),
        (b"{}", "expected a JSON object"),
        (b"null", "expected a JSON object"),
        (b"{", "no JSON text in UTF-8"),
        (b"\xff{}", "no JSON text in UTF-8"),
        (b'{"url":"a","url":"b"}', "a name stands twice"),
        (b"[" * 100_000, "no JSON text"),
        (
            b'{"websiteId":"a"}',
            "RawEvent has no field 'websiteId' .*; EnrichedEvent has no field 'websiteId'",
        ),
        (b'{"screen":{"wide":1}}', "Screen has no field 'wide'"),
    ],
)
def test_a_file_that_is_no_patch_is_told(text: bytes, said: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^--patch p\.json: .*{said}"):
        parse_patch(text, "p.json")


def test_the_digest_is_that_of_the_file() -> None:
    data = b'{ "event_name": "a" }\n'
    assert parse_patch(data, "p").digest == sha256(data).hexdigest()


def test_the_type_decides_whether_a_name_may_be_given() -> None:
    event = raw(event_type=EventType.EVENT_TYPE_UNSPECIFIED, event_name="")
    made = patched(event, patch(event_type="EVENT_TYPE_CUSTOM", event_name="a"))
    assert (made.event_type, made.event_name) == (EventType.EVENT_TYPE_CUSTOM, "a")
