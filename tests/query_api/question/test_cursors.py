"""A cursor means what it was made for, or nothing at all."""

import base64
import zlib
from dataclasses import dataclass
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter

from query_api.errors import Invalid
from query_api.question import cursors
from query_api.question.given import Given, from_body, from_query
from query_api.question.period import Period, zone_of
from query_api.question.selection import Selection

FIELDS = ("event_name", "limit", "cursor", "start_date")


@dataclass(frozen=True)
class Place:
    at: Annotated[int, Field(ge=0, le=99)]
    name: str


SHAPE = TypeAdapter(Place)
QUESTION = b"question"


def selection(given: Given) -> Selection:
    return Selection("w", Period(0, 1, zone_of("UTC", "UTC")), conditions=given.conditions)


def digest(query: str, endpoint: str = "rows") -> bytes:
    asked = from_query(query.encode(), FIELDS)
    return cursors.question_digest(endpoint, asked, selection(asked))


@given(place=st.builds(Place, st.integers(0, 99), st.text(st.characters(codec="utf-8"))))
def test_a_cursor_brings_its_position_back(place: Place) -> None:
    text = cursors.encode(QUESTION, SHAPE, place)
    assert cursors.decode(text, QUESTION, SHAPE) == place


@given(data=st.data())
def test_what_is_damaged_is_refused(data: st.DataObject) -> None:
    text = cursors.encode(QUESTION, SHAPE, Place(7, "seven"))
    place = data.draw(st.integers(0, len(text) - 2))  # the last character has bits that mean nothing
    other = data.draw(st.sampled_from("Ab_-0é \0").filter(lambda one: one != text[place]))
    with pytest.raises(Invalid) as caught:
        cursors.decode(text[:place] + other + text[place + 1 :], QUESTION, SHAPE)
    assert caught.value.field == "cursor"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "version"),
        ("AQ", "damaged"),
        ("%", "base64"),
        ("A" * 8193, "longer than 8,192"),
        ("Ag" + cursors.encode(QUESTION, SHAPE, Place(1, ""))[2:], "version"),
    ],
)
def test_what_is_no_cursor_is_refused(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        cursors.decode(text, QUESTION, SHAPE)


@pytest.mark.parametrize("position", [b"", b"[]", b'{"at":100,"name":""}', b'{"at":"7","name":""}', b"\xff"])
def test_a_made_up_position_is_checked_like_any_parameter(position: bytes) -> None:
    packed = QUESTION + position
    crc = zlib.crc32(packed).to_bytes(4)
    text = base64.urlsafe_b64encode(b"\x01" + crc + packed).rstrip(b"=").decode()
    with pytest.raises(Invalid, match="no position"):
        cursors.decode(text, QUESTION, SHAPE)


def test_a_cursor_is_of_one_question() -> None:
    text = cursors.encode(digest("country=DE"), SHAPE, Place(1, ""))
    with pytest.raises(Invalid, match="another question"):
        cursors.decode(text, digest("country=FR"), SHAPE)


@pytest.mark.parametrize(
    "other",
    ["", "country=DE", "country=DE&prop.plan=pro", "country[not]=DE&prop.plan=pro&event_name=a",
     "country=DE&prop.plan=pro&event_name=b", "country=DE&prop.plan=pro&event_name=a&start_date=2026-01-01"],
)  # fmt: skip
def test_questions_differ_by_all_that_was_asked(other: str) -> None:
    assert digest(other) != digest("country=DE&prop.plan=pro&event_name=a")
    assert digest(other) != digest(other, "sessions")


def test_paging_and_the_way_of_writing_make_no_other_question() -> None:
    plain = digest("event_name=a&country=DE&path=/x")
    assert digest("path=/x&limit=7&country=DE&cursor=abc&event_name=a") == plain
    by_post = from_body(
        b'{"event_name":"a","filters":[{"field":"country","values":["DE"]},{"field":"path","values":["/x"]}]}',
        FIELDS,
    )
    assert cursors.question_digest("rows", by_post, selection(by_post)) == plain
