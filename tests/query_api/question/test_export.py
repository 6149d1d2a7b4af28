"""What may be asked of an export."""

from dataclasses import replace
from typing import Any

import pytest

from query_api.errors import Invalid
from query_api.facts import FACTS
from query_api.question.export import (
    DEFAULT_FILE_ROWS,
    FIELDS,
    MEDIA_TYPES,
    ExportQuestion,
    Format,
    Pin,
    Position,
    ask,
    behind,
)
from query_api.question.given import from_query
from query_api.question.selection import Context

NOW_MS = 1_772_668_800_000
PIN = Pin((0, 3), (17, 4), 12, 2**64 - 1)


def asked(query: str = "", accept: str = "", now_ms: int = NOW_MS) -> ExportQuestion:
    return ask(from_query(query.encode(), FIELDS), Context("w", now_ms), accept)


def position(question: ExportQuestion, **changes: Any) -> Position:
    period = question.selection.period
    made = Position(period.from_ms, period.until_ms, period.read_from_ms, NOW_MS, "r", PIN, 5)
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("query", "accept", "format_"),
    [
        ("", "", Format.NDJSON),
        ("", "*/*", Format.NDJSON),
        ("", "text/html, application/*;q=0.8", Format.NDJSON),
        ("", "text/csv;q=0.9, */*", Format.CSV),
        ("", "Application/Vnd.Apache.Parquet", Format.PARQUET),
        ("format=arrow", "text/csv", Format.ARROW),
    ],
)
def test_the_format_is_said_or_accepted(query: str, accept: str, format_: Format) -> None:
    assert asked(query, accept).format is format_


def test_every_format_has_a_media_type() -> None:
    assert set(MEDIA_TYPES) == set(Format)
    assert all(asked("", media_type).format is format_ for format_, media_type in MEDIA_TYPES.items())


@pytest.mark.parametrize(
    ("query", "field", "offer"),
    [
        ("format=parket", "format", "do you mean parquet?"),
        ("columns=event_id,contry", "columns", "do you mean country?"),
        ("columns=", "columns", "known: event_id"),
        ("skip=1", "skip", "Eventrail-Cursor"),
        ("limit=0", "limit", "from 1 to 100,000,000"),
        ("cursor=x", "cursor", "base64"),
    ],
)
def test_what_is_wrong_is_named(query: str, field: str, offer: str) -> None:
    with pytest.raises(Invalid, match=offer) as caught:
        asked(query)
    assert caught.value.field == field


def test_nothing_on_offer_is_accepted() -> None:
    with pytest.raises(Invalid, match="format=ndjson") as caught:
        asked("", "application/xml")
    assert caught.value.field == "format"


def test_columns_keep_the_order_in_which_they_are_asked_for() -> None:
    assert [fact.name for fact in asked("columns=timestamp,event_id&columns=timestamp").facts] == [
        "timestamp",
        "event_id",
    ]
    assert asked().facts == tuple(FACTS.values())


def test_only_whole_files_have_a_limit_by_default() -> None:
    assert (asked().limit, asked("format=csv").limit) == (None, None)
    assert (asked("format=parquet").limit, asked("format=arrow&limit=7").limit) == (DEFAULT_FILE_ROWS, 7)


def test_a_cursor_brings_the_position_and_the_period_of_its_beginning() -> None:
    first = asked("country=DE")
    cursor = first.cursor(position(first))
    later = asked(f"country=DE&limit=3&skip=2&cursor={cursor}", now_ms=NOW_MS + 5 * 86_400_000)
    assert later.position == position(first)
    assert later.selection.period.from_ms == first.selection.period.from_ms
    assert (later.skip, later.limit) == (2, 3)


@pytest.mark.parametrize("other", ["country=FR", "country=DE&format=csv", "country=DE&columns=event_id"])
def test_a_cursor_is_of_one_question(other: str) -> None:
    first = asked("country=DE")
    with pytest.raises(Invalid, match="another question"):
        asked(f"{other}&cursor={first.cursor(position(first))}")


def test_parquet_is_resumed_by_whole_files() -> None:
    first = asked("format=parquet")
    with pytest.raises(Invalid, match="as a whole") as caught:
        asked(f"format=parquet&skip=1&cursor={first.cursor(position(first))}")
    assert caught.value.field == "skip"


@pytest.mark.parametrize(
    "changes",
    [
        {"begin": 13},
        {"pin": replace(PIN, partitions=(1,))},
        {"pin": replace(PIN, partitions=(), nexts=())},
        {"until_ms": 0},
    ],
)
def test_a_position_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    first = asked()
    with pytest.raises(Invalid) as caught:
        asked(f"cursor={first.cursor(position(first, **changes))}")
    assert caught.value.field == "cursor"


def test_the_next_file_begins_behind_this_one() -> None:
    assert behind(position(asked()), 7).begin == 12
