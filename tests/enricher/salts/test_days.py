from datetime import UTC, datetime

import pytest

from enricher.salts.days import first_kept, parse, text, wanted


def at(moment: str) -> int:
    return round(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "first", "last"),
    [
        ("2026-11-23T00:00:00", "2026-11-21", "2026-11-23"),
        ("2026-11-23T12:00:00", "2026-11-21", "2026-11-23"),
        ("2026-11-23T22:59:59.999", "2026-11-21", "2026-11-23"),
        ("2026-11-23T23:00:00", "2026-11-21", "2026-11-24"),
        ("2026-11-23T23:59:59.999", "2026-11-21", "2026-11-24"),
        ("2026-11-24T00:00:00", "2026-11-22", "2026-11-24"),
        ("2028-02-29T23:30:00", "2028-02-27", "2028-03-01"),
    ],
)
def test_a_salt_is_made_an_hour_before_its_day_and_kept_48_hours_after(
    now: str, first: str, last: str
) -> None:
    days = wanted(at(now))
    assert (text(days[0]), text(days[-1])) == (first, last)
    assert days[0] == first_kept(at(now))


def test_the_raw_topic_keeps_no_event_longer_than_its_salt() -> None:
    from enricher.salts.days import KEPT_AFTER_MS
    from eventrail.contract.topics import RAW

    assert int(RAW.config["retention.ms"]) == KEPT_AFTER_MS


def test_days_are_written_as_dates() -> None:
    assert text(0) == "1970-01-01"
    assert parse("2026-11-23") == 20_780
    with pytest.raises(ValueError, match="month must be"):
        parse("2026-13-01")
