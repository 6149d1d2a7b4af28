from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.question.period import (
    FIRST_DAY,
    LAST_DAY,
    Period,
    first_moment,
    instant,
    instant_text,
    local_day,
    period,
    unix_ms,
    zone_of,
)
from tests.query_api.refused import refused

UTC_ZONE: Final = ZoneInfo("UTC")
BERLIN: Final = ZoneInfo("Europe/Berlin")
NOON_MS: Final = 1_772_668_800_000 + 12 * 3_600_000
"""2026-03-05 12:00 UTC."""
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
zones = st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"})).map(ZoneInfo)
days = st.dates(FIRST_DAY, LAST_DAY)


def asked(
    start: str | None = None,
    end: str | None = None,
    zone: str = "UTC",
    now_ms: int = NOON_MS,
    kept: int | None = None,
) -> Period:
    return period(start, end, ZoneInfo(zone), now_ms, kept)


def ms(text: str) -> int:
    return unix_ms(datetime.fromisoformat(text))


class TestDays:
    def test_the_default_is_the_last_30_days_with_today(self) -> None:
        made = asked()
        assert made.days == (date(2026, 2, 4), date(2026, 3, 5))
        assert (made.from_ms, made.until_ms) == (ms("2026-02-04T00:00Z"), ms("2026-03-06T00:00Z"))

    def test_today_is_a_day_of_the_zone(self) -> None:
        late = ms("2026-03-05T12:00Z")
        assert asked(zone="Pacific/Kiritimati", now_ms=late).days == (date(2026, 2, 5), date(2026, 3, 6))
        assert asked(zone="Pacific/Pago_Pago", now_ms=ms("2026-03-05T10:00Z")).days == (
            date(2026, 2, 3),
            date(2026, 3, 4),
        )

    def test_one_day_alone_leaves_the_other_at_its_default(self) -> None:
        assert asked("2026-03-01").days == (date(2026, 3, 1), date(2026, 3, 5))
        assert asked(end="2020-01-30").days == (date(2020, 1, 1), date(2020, 1, 30))

    def test_the_default_start_does_not_leave_the_calendar(self) -> None:
        assert asked(end="1970-01-02").days == (date(1970, 1, 1), date(1970, 1, 2))

    def test_both_days_are_inclusive(self) -> None:
        made = asked("2026-02-01", "2026-02-01")
        assert (made.from_ms, made.until_ms) == (1769904000000, 1769990400000)

    @pytest.mark.parametrize(
        ("zone", "day", "hours"),
        [
            ("Europe/Berlin", "2026-03-29", 23),
            ("Europe/Berlin", "2026-10-25", 25),
            ("Australia/Lord_Howe", "2026-04-05", 24.5),
            ("Australia/Lord_Howe", "2026-10-04", 23.5),
            ("Asia/Kolkata", "2026-03-29", 24),
            ("Asia/Beirut", "2026-03-29", 23),
            ("America/Santiago", "2026-09-06", 23),
            ("America/Santiago", "2026-04-04", 25),
            ("America/Nuuk", "2026-03-28", 23),
            ("America/Nuuk", "2026-10-24", 25),
            ("America/Havana", "2026-11-01", 25),
        ],
    )
    def test_days_have_the_hours_that_clocks_give_them(self, zone: str, day: str, hours: float) -> None:
        made = asked(day, day, zone)
        assert (made.until_ms - made.from_ms) / HOUR_MS == hours

    @pytest.mark.parametrize(
        ("zone", "day", "first"),
        [
            ("Asia/Kolkata", "2026-02-01", "2026-01-31T18:30:00Z"),
            # 00:00 does not exist there on these days
            ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z"),
            ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z"),
            # clocks go from 24:00 back to 23:00: the second 23:xx is still the day before
            ("America/Santiago", "2026-04-05", "2026-04-05T04:00:00Z"),
            ("America/Nuuk", "2026-03-29", "2026-03-29T01:00:00Z"),
            # clocks go from 01:00 back to 00:00: the day begins the first time
            ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"),
        ],
    )
    def test_a_day_begins_at_its_first_local_moment(self, zone: str, day: str, first: str) -> None:
        assert instant_text(asked(day, day, zone).from_ms, UTC_ZONE) == first

    @given(days, zones)
    def test_every_moment_of_a_day_is_on_that_day_and_the_one_before_is_not(
        self, day: date, zone: ZoneInfo
    ) -> None:
        first, after = first_moment(day, zone), first_moment(day + timedelta(days=1), zone)
        if first == after:
            assert zone.key.startswith(("Pacific/", "Kwajalein"))  # crossed the date line: the day never was
        else:
            assert local_day(first, zone) == day
            assert local_day(first - 1, zone) == day - timedelta(days=1)

    @given(st.integers(2 * DAY_MS, 5_000_000_000_000), zones)
    def test_today_holds_now(self, now_ms: int, zone: ZoneInfo) -> None:
        made = period(None, None, zone, now_ms, None)
        assert made.from_ms <= now_ms < made.until_ms


class TestInstants:
    def test_the_first_is_inclusive_and_the_last_exclusive(self) -> None:
        made = asked("2026-02-01T10:00:00Z", "2026-02-01T11:00:00+01:00".replace("11", "12"))
        assert (made.from_ms, made.until_ms) == (ms("2026-02-01T10:00Z"), ms("2026-02-01T11:00Z"))
        assert made.days is None

    def test_fractions_of_a_millisecond_do_not_let_an_earlier_one_in(self) -> None:
        made = asked("2026-02-01T10:00:00.0001Z", "2026-02-01t10:00:00.0021z")
        assert (made.from_ms, made.until_ms) == (
            ms("2026-02-01T10:00:00.001Z"),
            ms("2026-02-01T10:00:00.003Z"),
        )

    def test_a_day_and_an_instant(self) -> None:
        made = asked("2026-02-01", "2026-02-01T10:00:00Z", "Europe/Berlin")
        assert (made.from_ms, made.until_ms) == (ms("2026-01-31T23:00Z"), ms("2026-02-01T10:00Z"))

    def test_the_default_start_of_an_instant_counts_days(self) -> None:
        assert asked(end="2026-03-06T00:00:00Z").from_ms == ms("2026-02-04T00:00Z")
        assert asked(end="2026-03-06T00:00:00.001Z").from_ms == ms("2026-02-05T00:00Z")

    @pytest.mark.parametrize(
        "text",
        [
            "2026-02-01T10:00Z", "2026-02-01 10:00:00Z", "2026-02-01T10:00:00", "2026-02-01T24:00:00Z",
            "2026-02-01T10:60:00Z", "2026-02-30T10:00:00Z", "2026-02-01T10:00:00+25:00", "2026-02-01T10:00:00 01:00",
            "2026-02-01T10:00:00,5Z", "٢٠٢٦-02-01T10:00:00Z", "0001-01-01T00:00:00+10:00", "",
        ],
    )  # fmt: skip
    def test_what_is_no_instant(self, text: str) -> None:
        assert instant(text) is None

    @given(st.integers(0, 5_680_281_599_999), zones)
    def test_a_text_of_an_instant_is_that_instant(self, at: int, zone: ZoneInfo) -> None:
        text = instant_text(at, zone)
        if len(text) <= len("2026-02-01T10:00:00.123+01:00"):  # offsets had seconds until 1972
            found = instant(text)
            assert found is not None
            assert unix_ms(found) == at


class TestRefusals:
    @pytest.mark.parametrize("name", ["start_date", "end_date"])
    @pytest.mark.parametrize(
        "text",
        [
            "2026-02-30", "2026-2-1", "20260201", "2026-W05-1", "yesterday", "", "2026-02-01T00:00:00", "1969-12-31",
            "2150-01-01", "9999-12-31", "0000-01-01", "\u0662\u0660\u0662\u0666-02-01", "2026-02-01 ",
            "2026-02-01\n", "-026-02-01", "1969-12-31T23:59:59Z", "2150-01-01T00:00:00Z", "2026-02-01T10:00:00 01:00",
        ],
    )  # fmt: skip
    def test_what_is_no_day_is_refused_by_name(self, name: str, text: str) -> None:
        given = {"start_date": (text, None), "end_date": (None, text)}[name]
        message, field = refused(asked, *given)
        assert field == name
        assert message.startswith(f"{name} must be a day that exists, written YYYY-MM-DD")
        assert repr(text) in message

    @pytest.mark.parametrize(
        ("text", "offer"),
        [
            ("2026-02-30", "2026-02-28"), ("2028-02-30", "2028-02-29"), ("2026-13-01", "2026-12-01"),
            ("2026-2-1", "2026-02-01"), ("2026/02/01", "2026-02-01"), ("20260201", "2026-02-01"),
            ("2026-00-00", "2026-01-01"), ("1969-12-31", "1970-12-31"), ("2200-01-01", "2149-01-01"),
            ("2026-02-30T10:00:00Z", "2026-02-28"),
        ],
    )  # fmt: skip
    def test_the_nearest_day_is_offered(self, text: str, offer: str) -> None:
        assert refused(asked, text)[0].endswith(f"; the nearest is {offer}")

    @pytest.mark.parametrize("text", ["yesterday", "31/12/2026", "1.2.2026", "202602011"])
    def test_none_is_offered_where_it_would_be_a_guess(self, text: str) -> None:
        assert "nearest" not in refused(asked, text)[0]

    def test_the_wrong_way_round(self) -> None:
        message, field = refused(asked, "2026-02-02", "2026-02-01")
        assert field == "start_date"
        assert message == (
            "start_date 2026-02-02 is not before the end of end_date 2026-02-01; days are both inclusive, an instant "
            "ends before itself; do you mean start_date=2026-02-01 and end_date=2026-02-02?"
        )

    def test_an_empty_period_of_instants(self) -> None:
        message, field = refused(asked, "2026-02-01T10:00:00Z", "2026-02-01T10:00:00Z")
        assert field == "start_date"
        assert "an instant ends before itself" in message
        assert "do you mean" not in message

    def test_a_start_after_today_says_where_the_end_comes_from(self) -> None:
        message, field = refused(asked, "2026-03-06")
        assert field == "start_date"
        assert "end_date 2026-03-05 (by default)" in message


class TestZones:
    def test_a_given_one_counts_and_else_the_website_s(self) -> None:
        assert zone_of("Asia/Kolkata", "Europe/Berlin") == ZoneInfo("Asia/Kolkata")
        assert zone_of(None, "Europe/Berlin") == BERLIN

    @pytest.mark.parametrize(
        ("given", "offer"),
        [
            ("europe/berlin", "Europe/Berlin"), ("Berlin", "Europe/Berlin"), ("Europe/Berln", "Europe/Berlin"),
            ("new york", "America/New_York"), ("utc", "UTC"), ("Kolkata", "Asia/Kolkata"),
        ],
    )  # fmt: skip
    def test_the_nearest_one_is_offered(self, given: str, offer: str) -> None:
        message, field = refused(zone_of, given, "UTC")
        assert field == "timezone"
        assert message == f"timezone {given!r} is no time zone of the IANA database; do you mean {offer}?"

    @pytest.mark.parametrize(
        "given",
        ["", "+01:00", "../../etc/passwd", "/etc/localtime", "\0", "Europe/", "x" * 100_000, "'; DROP"],
    )
    def test_what_is_none_opens_no_file(self, given: str) -> None:
        message, field = refused(zone_of, given, "UTC")
        assert field == "timezone"
        assert len(message) < 200


class TestPrevious:
    def test_as_many_days(self) -> None:
        before = asked("2026-03-29", "2026-03-30", "Europe/Berlin").previous()
        assert before.days == (date(2026, 3, 27), date(2026, 3, 28))
        assert (before.until_ms - before.from_ms, before.until_ms) == (2 * DAY_MS, ms("2026-03-28T23:00Z"))

    def test_as_many_milliseconds(self) -> None:
        before = asked("2026-02-01T10:00:00Z", "2026-02-01T11:30:00Z").previous()
        assert (before.from_ms, before.until_ms) == (ms("2026-02-01T08:30Z"), ms("2026-02-01T10:00Z"))

    @given(st.tuples(days, days).map(sorted), zones)
    def test_it_ends_where_the_period_begins(self, pair: list[date], zone: ZoneInfo) -> None:
        made = asked(str(pair[0]), str(pair[1]), "UTC")
        made = Period(first_moment(pair[0], zone), made.until_ms, zone, (pair[0], pair[1]))
        before = made.previous()
        assert before.until_ms == made.from_ms
        assert before.days is not None
        assert before.days[1] - before.days[0] == pair[1] - pair[0]


class TestKept:
    def test_nothing_is_read_from_before_the_retention(self) -> None:
        made = asked("2026-01-01", zone="Europe/Berlin", kept=7)
        assert made.from_ms == ms("2025-12-31T23:00Z")
        assert made.read_from_ms == made.kept_ms == ms("2026-02-25T23:00Z")
        assert made.previous().read_from_ms == made.previous().until_ms == made.from_ms

    def test_without_a_limit_all_is_read(self) -> None:
        assert asked("1970-01-01").read_from_ms == 0
        assert asked("2026-01-01", kept=36_500).read_from_ms == ms("2026-01-01T00:00Z")


def test_how_an_answer_names_it() -> None:
    assert asked("2026-03-29", "2026-03-29", "Europe/Berlin").told() == {
        "start": "2026-03-29T00:00:00+01:00",
        "end": "2026-03-30T00:00:00+02:00",
        "timezone": "Europe/Berlin",
    }
    assert asked("2026-02-01T10:00:00.5Z", "2026-02-02T00:00:00Z").told() == {
        "start": "2026-02-01T10:00:00.500Z",
        "end": "2026-02-02T00:00:00Z",
        "timezone": "UTC",
    }
