from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.errors import Invalid
from query_api.granularity import DAY, HOUR
from query_api.question import (
    ALL_BOTS,
    CRAWLERS,
    LIST_PARAMETERS,
    Period,
    TimeseriesQuestion,
    ask_list,
    ask_properties,
    ask_timeseries,
    read_parameters,
    utc_date,
)

TODAY = date(2026, 3, 5)
POINTS = 1000


def refused(ask: Callable[..., Any], *arguments: Any) -> tuple[str, str | None]:
    with pytest.raises(Invalid) as caught:
        ask(*arguments)
    return caught.value.message, caught.value.field


class TestWebsite:
    def test_a_cuid_is_taken(self) -> None:
        assert ask_list("cm5x9yz1a0001", b"", TODAY).website_id == "cm5x9yz1a0001"

    @pytest.mark.parametrize("website_id", ["", "..", "a b", "a'", "ü", "a" * 65, "a\0b", "�"])
    def test_anything_else_is_named(self, website_id: str) -> None:
        message, field = refused(ask_list, website_id, b"", TODAY)
        assert field == "website_id"
        assert message.startswith("website_id must be 1 to 64 characters of A-Z")


class TestPeriod:
    def test_the_default_is_the_last_30_days_with_today(self) -> None:
        assert ask_list("w", b"", TODAY).period == Period(date(2026, 2, 4), TODAY)

    def test_one_day_alone_leaves_the_other_at_its_default(self) -> None:
        assert ask_list("w", b"start_date=2026-03-01", TODAY).period == Period(date(2026, 3, 1), TODAY)
        assert ask_list("w", b"end_date=2020-01-30", TODAY).period == Period(
            date(2020, 1, 1), date(2020, 1, 30)
        )

    def test_the_default_start_does_not_leave_the_calendar(self) -> None:
        assert ask_list("w", b"end_date=1970-01-02", TODAY).period.start == date(1970, 1, 1)

    def test_both_days_are_inclusive(self) -> None:
        period = ask_list("w", b"start_date=2026-02-01&end_date=2026-02-01", TODAY).period
        assert (period.from_ms, period.until_ms) == (1769904000000, 1769990400000)

    @pytest.mark.parametrize("name", ["start_date", "end_date"])
    @pytest.mark.parametrize(
        "text",
        [
            "2026-02-30", "2026-2-1", "20260201", "2026-W05-1", "yesterday", "", "2026-02-01T00:00:00Z", "1969-12-31",
            "2150-01-01", "9999-12-31", "0000-01-01", "\u0662\u0660\u0662\u0666-02-01", "2026-02-01 ",
            "2026-02-01\n", "-026-02-01",
        ],
    )  # fmt: skip
    def test_what_is_no_day_is_refused_by_name(self, name: str, text: str) -> None:
        message, field = refused(ask_list, "w", urlencode({name: text}).encode(), TODAY)
        assert field == name
        assert message.startswith(f"{name} must be a day that exists, written YYYY-MM-DD")

    def test_the_wrong_way_round(self) -> None:
        message, field = refused(ask_list, "w", b"start_date=2026-02-02&end_date=2026-02-01", TODAY)
        assert field == "start_date"
        assert message == "start_date 2026-02-02 is after end_date 2026-02-01; both days are inclusive"

    def test_a_start_after_today_says_where_the_end_comes_from(self) -> None:
        message, field = refused(ask_list, "w", b"start_date=2026-03-06", TODAY)
        assert field == "start_date"
        assert "end_date 2026-03-05 (today, the default)" in message

    @given(st.integers(0, 5_000_000_000_000))
    def test_today_is_a_utc_day(self, unix_ms: int) -> None:
        period = Period(utc_date(unix_ms), utc_date(unix_ms))
        assert period.from_ms <= unix_ms < period.until_ms


class TestEventName:
    @pytest.mark.parametrize("ask", [ask_properties, lambda w, q, t: ask_timeseries(w, q, t, POINTS)])
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
    def test_the_three_messages_of_the_spec(
        self, ask: Callable[..., Any], query: bytes, message: str
    ) -> None:
        assert refused(ask, "w", query, TODAY) == (message, "event_name")

    def test_characters_are_counted_after_trimming(self) -> None:
        name = "ü" * 255
        assert ask_properties("w", f"event_name=+{quote_plus(name)}%09".encode(), TODAY).event_name == name

    @given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
    def test_any_name_arrives_as_it_is(self, name: str) -> None:
        query = urlencode({"event_name": f"x{name}x"}).encode()
        assert ask_properties("w", query, TODAY).event_name == f"x{name}x"

    def test_unencoded_utf8_is_understood(self) -> None:
        assert ask_properties("w", "event_name=é".encode(), TODAY).event_name == "é"


class TestParameters:
    def test_an_unknown_one_is_named_with_the_known_ones(self) -> None:
        message, field = refused(ask_properties, "w", b"eventname=x", TODAY)
        assert field == "eventname"
        assert (
            message
            == "unknown query parameter 'eventname'; known here: event_name, start_date, end_date, include_bots"
        )

    def test_names_are_case_sensitive(self) -> None:
        assert refused(ask_list, "w", b"Start_Date=2026-01-01", TODAY)[1] == "Start_Date"

    def test_a_repeated_one_is_refused_even_with_the_same_value(self) -> None:
        query = b"start_date=2026-01-01&start_date=2026-01-01"
        assert refused(ask_list, "w", query, TODAY) == (
            "start_date is given more than once, give it once",
            "start_date",
        )

    @pytest.mark.parametrize(
        "query", [b"event_name=%FF", b"event_name=\xff", b"%C3=1", b"event_name=%ED%A0%80"]
    )
    def test_bytes_that_are_no_utf8(self, query: bytes) -> None:
        assert refused(ask_properties, "w", query, TODAY) == (
            "the query string is not UTF-8, percent-encoded (RFC 3986)",
            None,
        )

    @pytest.mark.parametrize("query", [b"event_name=%zz", b"event_name=50%", b"event_name=%2"])
    def test_a_lonely_percent_sign(self, query: bytes) -> None:
        assert "without two hex digits" in refused(ask_properties, "w", query, TODAY)[0]

    def test_very_many(self) -> None:
        query = b"&".join(b"a%d=1" % number for number in range(101))
        assert refused(ask_list, "w", query, TODAY) == ("the query string has more than 100 parameters", None)

    def test_a_huge_unknown_name_is_not_echoed_whole(self) -> None:
        message, field = refused(ask_list, "w", b"a" * 100_000 + b"=1", TODAY)
        assert len(message) < 200
        assert field == "a" * 64

    @given(st.binary(max_size=60))
    def test_any_bytes_give_parameters_or_a_refusal(self, query: bytes) -> None:
        found = {}
        with suppress(Invalid):
            found = read_parameters(query, LIST_PARAMETERS)
        assert set(found) <= set(LIST_PARAMETERS)


class TestTimeseries:
    def ask(self, query: bytes, max_points: int = POINTS) -> TimeseriesQuestion:
        return ask_timeseries("w", b"event_name=x&" + query, TODAY, max_points)

    def test_the_default_is_a_point_per_day(self) -> None:
        question = self.ask(b"")
        assert question.granularity is DAY
        assert len(question.buckets) == 30

    def test_hours(self) -> None:
        question = self.ask(b"granularity=hour&start_date=2026-03-01&end_date=2026-03-02")
        assert question.granularity is HOUR
        assert len(question.buckets) == 48

    @pytest.mark.parametrize("given_name", ["", "minute", "DAY", "days"])
    def test_an_unknown_granularity_names_the_known_ones(self, given_name: str) -> None:
        message, field = refused(self.ask, f"granularity={given_name}".encode())
        assert field == "granularity"
        assert message == f"granularity must be one of hour, day, week, month, not {given_name!r}"

    def test_too_many_points_say_which_granularity_fits(self) -> None:
        query = b"granularity=hour&start_date=2026-01-01&end_date=2026-03-31"
        assert refused(self.ask, query, 24 * 90 - 1) == (
            (
                "granularity hour gives 2160 points from 2026-01-01 to 2026-03-31, at most 2159 are answered; "
                "use granularity day"
            ),
            "granularity",
        )
        assert len(self.ask(query, 24 * 90).buckets) == 2160

    def test_where_no_granularity_fits(self) -> None:
        message, _field = refused(self.ask, b"start_date=1970-01-01&end_date=2149-12-31", 100)
        assert message.endswith("ask for fewer days")


class TestBots:
    ASKS = (
        lambda query, *left_out: ask_list("w", query, TODAY, *left_out),
        lambda query, *left_out: ask_properties("w", b"event_name=x&" + query, TODAY, *left_out),
        lambda query, *left_out: ask_timeseries("w", b"event_name=x&" + query, TODAY, POINTS, *left_out),
    )

    @pytest.mark.parametrize("ask", ASKS)
    @pytest.mark.parametrize("left_out", [CRAWLERS, ALL_BOTS])
    def test_a_website_s_bots_are_left_out_unless_asked_for(
        self, ask: Callable[..., Any], left_out: tuple[str, ...]
    ) -> None:
        assert ask(b"", left_out).left_out == left_out
        assert ask(b"include_bots=false", left_out).left_out == left_out
        assert ask(b"include_bots=true", left_out).left_out == ()

    @pytest.mark.parametrize("ask", ASKS)
    def test_the_default_leaves_out_crawlers(self, ask: Callable[..., Any]) -> None:
        assert ask(b"").left_out == ("crawler",)

    @pytest.mark.parametrize("ask", ASKS)
    @pytest.mark.parametrize("given_text", ["", "1", "True", "yes", " true", "null"])
    def test_anything_else_is_refused(self, ask: Callable[..., Any], given_text: str) -> None:
        message, field = refused(ask, urlencode({"include_bots": given_text}).encode())
        assert field == "include_bots"
        assert message == f"include_bots must be true or false, not {given_text!r}"
