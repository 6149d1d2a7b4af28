import datetime
import json
import math
from collections import UserDict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.payload import event_data
from collector.refusals import Refused
from eventrail_client.errors import InvalidEvent
from eventrail_client.properties import MAX_BYTES, MAX_DEPTH, written

texts = st.text(st.characters(exclude_categories=()), max_size=8)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def is_taken(props: Any) -> bool:
    try:
        written(props)
    except InvalidEvent:
        return False
    return True


@given(st.dictionaries(texts, values, max_size=5))
def test_the_collector_takes_what_is_taken_here_and_nothing_else(props: dict[str, Any]) -> None:
    try:
        # The escapes of json.dumps leave halves of a pair as they are, as programs of all kinds send them.
        there = event_data.read(json.dumps(props).encode())
    except (Refused, ValueError):  # NaN is no JSON
        assert not is_taken(props)
    else:
        assert json.loads(written(props)) == json.loads(there)


def nested(levels: int) -> dict[str, Any]:
    return {"a": nested(levels - 1)} if levels > 1 else {}


@pytest.mark.parametrize(
    ("props", "taken"),
    [
        ({"a": "x" * (MAX_BYTES - 8)}, True),
        ({"a": "x" * (MAX_BYTES - 7)}, False),
        ({"a": "é" * 2044}, True),
        ({"a": "é" * 2045}, False),
        (nested(MAX_DEPTH), True),
        (nested(MAX_DEPTH + 1), False),
    ],
)
def test_the_limits_are_the_collectors(props: dict[str, Any], taken: bool) -> None:
    sent = json.dumps(props, ensure_ascii=False).encode()
    if taken:
        assert json.loads(event_data.read(sent)) == json.loads(written(props))
        return
    with pytest.raises(Refused) as there:
        event_data.read(sent)
    with pytest.raises(InvalidEvent) as here:
        written(props)
    assert here.value.code == there.value.kind.code


@pytest.mark.parametrize(
    ("props", "message"),
    [
        (
            {"order": {"total": Decimal("1.5")}},
            "event_data.order.total: is a Decimal, which JSON does not have",
        ),
        ({"at": [1, datetime.date(2026, 1, 1)]}, r"event_data.at\[1\]: is a date, which JSON does not have"),
        ({1: 2}, "event_data: has a key that is a int; keys are texts"),
        ({"a": dict.fromkeys(("\ud800", "\udfff"))}, "event_data.a: has a key twice"),
        ({"rate": math.nan}, "event_data.rate: is no finite number"),
        ({"n": 10**5000}, "event_data: cannot be read: ValueError.'Exceeds the limit"),
        ([1], "event_data: must be a mapping, but is a list"),
        ({"a": "\0"}, "event_data.a: holds the NUL character"),
        ({"a": "x" * 5000}, "event_data: is 5,008 bytes as JSON, but at most 4,096 are taken"),
    ],
)
def test_a_fault_says_where_it_is(props: Any, message: str) -> None:
    with pytest.raises(InvalidEvent, match=message):
        written(props)


class Changing(UserDict[str, int]):
    """As a mapping that another thread adds to while it is read."""

    def __getitem__(self, key: str) -> int:
        self.data[f"{key}+"] = 1
        return self.data[key]


def test_a_mapping_that_fails_while_it_is_read_is_refused() -> None:
    with pytest.raises(
        InvalidEvent, match=r"event_data: cannot be read: RuntimeError.'dictionary changed size"
    ):
        written(Changing(a=1, b=2))


def test_what_holds_itself_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["a"] = endless
    with pytest.raises(InvalidEvent, match="more than 32 levels"):
        written(endless)
