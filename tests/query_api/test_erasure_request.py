"""What may be asked to be erased, and what a hostile body gets."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.erasure_request import Listing, Wanted, ask_erasure, ask_list, ask_one
from query_api.errors import Invalid

ID = "0190163D-8694-739B-AEA5-966C26F8AD90"


def asked(**members: Any) -> Wanted:
    return ask_erasure(b"", json.dumps(members).encode())


def test_ids_in_any_case_are_taken_once_in_their_order() -> None:
    wanted = asked(visitor_ids=["b", "a", "b"], event_ids=[ID, ID.lower()])
    assert wanted == Wanted(("b", "a"), (UUID(ID),))


@given(st.lists(st.text(min_size=1, max_size=16), max_size=20), st.lists(st.uuids(), max_size=20))
def test_what_the_collector_takes_is_taken(visitors: list[str], events: list[UUID]) -> None:
    storable = [
        text for text in visitors if text.encode("utf-8", "replace") == text.encode("utf-8", "ignore")
    ]
    if storable or events:
        wanted = asked(visitor_ids=storable, event_ids=[str(event) for event in events])
        assert wanted == Wanted(tuple(dict.fromkeys(storable)), tuple(dict.fromkeys(events)))


def test_as_many_as_are_allowed_and_no_more() -> None:
    many = [str(uuid4()) for _ in range(1001)]
    assert len(asked(event_ids=many[1:], visitor_ids=many[1:]).visitor_ids) == 1000
    for name in ("event_ids", "visitor_ids"):
        with pytest.raises(Invalid, match="1,001 ids, at most 1,000"):
            asked(**{name: many})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", None),
        (b"\xff", None),
        (b"[]", None),
        (b"null", None),
        (b"{", None),
        (b"[" * 100_000, None),
        (b'{"visitor_ids": ["a"], "visitor_ids": ["b"]}', None),
        (b'{"visitor": ["a"]}', "body"),
        (b"{}", "visitor_ids"),
        (b'{"visitor_ids": []}', "visitor_ids"),
        (b'{"visitor_ids": "a"}', "visitor_ids"),
        (b'{"visitor_ids": [1]}', "visitor_ids"),
        (b'{"visitor_ids": [null]}', "visitor_ids"),
        (b'{"visitor_ids": [""]}', "visitor_ids"),
        (b'{"visitor_ids": ["\\ud800"]}', None),
        ('{"visitor_ids": ["' + "ä" * 33 + '"]}', "visitor_ids"),
        (b'{"event_ids": ["x"]}', "event_ids"),
        (b'{"event_ids": ["0190163d8694739baea5966c26f8ad90"]}', "event_ids"),
        (b'{"event_ids": ["{0190163d-8694-739b-aea5-966c26f8ad90}"]}', "event_ids"),
        (b'{"event_ids": ["0190163d-8694-739b-aea5-966c26f8ad9\\u0660"]}', "event_ids"),
    ],
)
def test_anything_else_is_invalid_and_names_the_place(body: bytes | str, field: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        ask_erasure(b"", body.encode() if isinstance(body, str) else body)
    assert caught.value.field == field


def test_parameters_are_known_and_within_their_bounds() -> None:
    assert ask_list(b"") == Listing(100, 0)
    assert ask_list(b"limit=5&offset=7") == Listing(5, 7)
    for query in (b"limit=0", b"limit=1001", b"limit=x", b"offset=-1", b"offset=1000001", b"page=1"):
        with pytest.raises(Invalid):
            ask_list(query)
    with pytest.raises(Invalid):
        ask_erasure(b"dry_run=1", b'{"visitor_ids": ["a"]}')


def test_an_erasure_is_asked_for_by_its_id() -> None:
    assert ask_one(b"", ID) == UUID(ID)
    for erasure_id, query in (("x", b""), (ID, b"x=1")):
        with pytest.raises(Invalid):
            ask_one(query, erasure_id)
