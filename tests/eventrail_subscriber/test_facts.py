import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail_subscriber import (
    EnrichedEvent,
    NotAnEvent,
    Rule,
    accepted_at,
    happened_at,
    identity,
    properties,
)
from eventrail_subscriber.headers import LATEST_MS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def test_an_identity_has_four_parts() -> None:
    event = EnrichedEvent(
        website_id="shop", event_name="purchase", identity_day=20602, event_id="e", channel="Email"
    )
    assert identity(event) == ("shop", "purchase", 20602, "e")
    assert identity(event).event_id == "e"


@given(st.integers(0, LATEST_MS))
def test_moments_are_exact(unix_ms: int) -> None:
    event = EnrichedEvent(timestamp_ms=unix_ms, received_at_ms=LATEST_MS - unix_ms)
    assert happened_at(event).tzinfo is UTC
    assert (happened_at(event) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000 == pytest.approx(
        unix_ms
    )
    assert happened_at(event).microsecond == unix_ms % 1000 * 1000
    assert accepted_at(event).microsecond == (LATEST_MS - unix_ms) % 1000 * 1000


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_properties_are_what_was_sent(sent: dict[str, object]) -> None:
    assert properties(EnrichedEvent(event_data=json.dumps(sent))) == sent


def test_without_properties_there_are_none() -> None:
    assert properties(EnrichedEvent()) == {}


@pytest.mark.parametrize("text", ["[]", "1", "{", '{"a":NaN}', "[" * 4000, '{"a":' + "9" * 5000 + "}"])
def test_what_is_no_json_object_is_told(text: str) -> None:
    with pytest.raises(
        NotAnEvent, match="event e of shop: event_data is not the text of a JSON object"
    ) as caught:
        properties(EnrichedEvent(website_id="shop", event_id="e", event_data=text))
    assert caught.value.fault.rule is Rule.FIELDS
