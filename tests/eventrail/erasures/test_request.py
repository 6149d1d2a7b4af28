"""A request on the topic: what is said is what is read, and what is no request is told."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.contract.codec import LATEST_MS
from eventrail.contract.v1.erasure_pb2 import Erasure as Message
from eventrail.erasures.request import CLOCKS_APART_MS, Cover, Erasure, decoded
from eventrail.errors import ContractError

ID = UUID("0190163d-8694-739b-aea5-966c26f8ad90")

visitor_ids = st.text(min_size=1, max_size=64).filter(
    lambda text: len(text.encode("utf-8", "replace")) <= 64 and text.isprintable()
)
erasures = st.builds(
    Erasure,
    st.uuids(),
    st.sampled_from(["shop", "a.b-c_d"]),
    st.integers(1, LATEST_MS),
    st.integers(1, LATEST_MS),
    st.lists(visitor_ids, max_size=5).map(tuple),
    st.lists(st.uuids(), max_size=5).map(tuple),
    st.dictionaries(st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1), max_size=5),
)


@given(erasures)
def test_what_is_said_is_what_is_read(erasure: Erasure) -> None:
    assert decoded(erasure.encoded()) == erasure
    assert dict(erasure.headers())["ce_id"] == str(erasure.erasure_id).encode()


def test_an_older_message_covers_until_it_was_asked_for() -> None:
    plain = Message(erasure_id=str(ID), website_id="shop", requested_at_ms=7, visitor_ids=["v"])
    assert decoded(plain.SerializeToString()) == Erasure(ID, "shop", 7, 7, ("v",))


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"website_id": ""}, "website_id"),
        ({"website_id": "a/b"}, "website_id"),
        ({"erasure_id": "x"}, "erasure_id"),
        ({"erasure_id": str(ID).upper()}, "erasure_id"),
        ({"requested_at_ms": 0}, "requested_at_ms"),
        ({"covers_until_ms": LATEST_MS + 1}, "covers_until_ms"),
        ({"event_ids": ["x"]}, "event_ids"),
        ({"visitor_ids": [""]}, "visitor id"),
        ({"visitor_ids": ["ä" * 33]}, "visitor id"),
    ],
)
def test_a_message_that_breaks_a_rule_is_none(fields: dict[str, Any], fault: str) -> None:
    good: dict[str, Any] = {"erasure_id": str(uuid4()), "website_id": "shop", "requested_at_ms": 1}
    with pytest.raises(ContractError, match=fault):
        decoded(Message(**(good | fields)).SerializeToString())


@pytest.mark.parametrize("value", [None, b"\xff\xff"])
def test_bytes_that_are_no_message(value: bytes | None) -> None:
    with pytest.raises(ContractError):
        decoded(value)


def test_positions_decide_within_an_hour_and_the_clock_alone_outside() -> None:
    cover = Cover(ID, 1000, {0: 10})
    assert cover.covers(1000, 5, 99)
    assert not cover.covers(1001, 0, 10)
    assert cover.covers(1001, 0, 9)
    assert not cover.covers(1001, 1, 0)
    assert cover.covers(1000 + CLOCKS_APART_MS, 0, 9)
    assert not cover.covers(1001 + CLOCKS_APART_MS, 0, 9)
