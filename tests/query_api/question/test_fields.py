from urllib.parse import quote_plus, urlencode
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.question.fields import (
    COMMON_FIELDS,
    count,
    event_name,
    included,
    period_of,
    search,
    selection,
    yes_or_no,
)
from query_api.question.filters import Operator
from query_api.question.given import Given, from_query
from query_api.question.selection import ALL_BOTS, CRAWLERS, BotKinds, Context, EventType
from tests.query_api.refused import refused

KNOWN = ("event_name", *COMMON_FIELDS, "search", "limit", "include")
NOW_MS = 1_772_712_000_000
CONTEXT = Context("w", NOW_MS)


def said(query: str | bytes) -> Given:
    return from_query(query if isinstance(query, bytes) else query.encode(), KNOWN)


class TestEventName:
    @pytest.mark.parametrize(
        ("query", "message"),
        [
            (b"", "event_name query parameter is required"),
            (b"event_name=", "event_name must not be empty"),
            (b"event_name", "event_name must not be empty"),
            (b"event_name=%20+%E3%80%80%0A", "event_name must not be empty"),
            (b"event_name=" + b"a" * 256, "event_name must be 255 characters or fewer"),
            (b"event_name=" + b"%C3%BC" * 256, "event_name must be 255 characters or fewer"),
        ],
    )
    def test_the_three_messages_of_the_spec(self, query: bytes, message: str) -> None:
        assert refused(event_name, said(query)) == (message, "event_name")

    def test_characters_are_counted_after_trimming(self) -> None:
        name = "ü" * 255
        assert event_name(said(f"event_name=+{quote_plus(name)}%09")) == name

    @given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
    def test_any_name_arrives_as_it_is(self, name: str) -> None:
        assert event_name(said(urlencode({"event_name": f"x{name}x"}))) == f"x{name}x"


class TestBots:
    @pytest.mark.parametrize("left_out", [CRAWLERS, ALL_BOTS])
    def test_a_website_s_bots_are_left_out_unless_asked_for(self, left_out: BotKinds) -> None:
        context = Context("w", NOW_MS, left_out=left_out)
        assert selection(said(""), context).left_out == left_out
        assert selection(said("include_bots=false"), context).left_out == left_out
        assert selection(said("include_bots=true"), context).left_out == ()

    def test_the_default_leaves_out_crawlers(self) -> None:
        assert selection(said(""), CONTEXT).left_out == ("crawler",)

    @pytest.mark.parametrize("text", ["", "1", "True", "yes", " true", "null"])
    def test_anything_else_is_refused(self, text: str) -> None:
        assert refused(yes_or_no, said(urlencode({"include_bots": text})), "include_bots") == (
            f"include_bots must be true or false, not {text!r}",
            "include_bots",
        )


class TestSelection:
    def test_it_has_what_was_said(self) -> None:
        made = selection(said("start_date=2026-02-01&end_date=2026-02-01&country=DE"), CONTEXT)
        assert (made.website_id, made.event_type, made.event_name) == ("w", EventType.CUSTOM, None)
        assert (made.period.from_ms, made.period.until_ms) == (1769904000000, 1769990400000)
        assert [condition.operator for condition in made.conditions] == [Operator.IS]
        assert made.of("x").event_name == "x"
        assert made.within(made.period.previous()).period.until_ms == 1769904000000

    def test_the_zone_of_the_website_is_the_default(self) -> None:
        context = Context("w", NOW_MS, timezone="Asia/Kolkata")
        assert period_of(said(""), context).zone == ZoneInfo("Asia/Kolkata")
        assert period_of(said("timezone=UTC"), context).zone == ZoneInfo("UTC")
        assert period_of(said("start_date=2026-02-01"), context).from_ms == 1769904000000 - 19_800_000

    def test_the_retention_of_the_website(self) -> None:
        assert period_of(said(""), Context("w", NOW_MS, kept_days=1)).kept_ms == 1772582400000


class TestCounts:
    def test_the_default_and_the_ends(self) -> None:
        assert count(said(""), "limit", 7, 10) == 7
        assert [count(said(f"limit={n}"), "limit", 7, 10_000) for n in (1, 10_000)] == [1, 10_000]
        assert count(said("limit=0"), "limit", 7, 10, least=0) == 0

    @pytest.mark.parametrize(
        "text", ["", "0", "-1", "10001", "1.0", "1e3", "+1", " 1", "x", "9" * 5000, "²", "\u0661"]
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        message, field = refused(count, said(urlencode({"limit": text})), "limit", 7, 10_000)
        assert field == "limit"
        assert message.startswith("limit must be a whole number from 1 to 10,000, not ")
        assert len(message) < 200


class TestIncluded:
    def test_none_some_and_all(self) -> None:
        known = ("visitors", "previous")
        assert included(said(""), known) == frozenset()
        assert included(said("include=visitors"), known) == {"visitors"}
        assert included(said("include=previous,visitors&include=visitors"), known) == {"visitors", "previous"}

    @pytest.mark.parametrize(
        ("text", "offer"), [("visitor", "; do you mean visitors?"), ("", ""), ("all", "")]
    )
    def test_an_unknown_one(self, text: str, offer: str) -> None:
        assert refused(included, said(f"include={text}"), ("visitors", "previous")) == (
            f"include knows visitors, previous, not {text!r}{offer}",
            "include",
        )


def test_search() -> None:
    assert search(said("")) == search(said("search=")) == ""
    assert search(said("search=" + "x" * 255)) == "x" * 255
    assert refused(search, said("search=" + "x" * 256)) == (
        "search must be 255 characters or fewer",
        "search",
    )
