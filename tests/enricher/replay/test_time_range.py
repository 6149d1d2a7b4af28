import pytest

from enricher.replay.time_range import TimeRange, moment, parse, text
from eventrail.errors import ConfigurationError

NOW = 1_795_435_200_000  # 2026-11-23T12:00:00Z


@pytest.mark.parametrize(
    ("given", "unix_ms"),
    [
        ("2026-11-23T12:00:00Z", NOW),
        ("2026-11-23T13:30:00.250+01:30", NOW + 250),
        ("2026-11-23t12:00:00z", NOW),
    ],
)
def test_a_moment_has_an_offset(given: str, unix_ms: int) -> None:
    assert moment(given, "--from") == unix_ms
    assert moment(text(unix_ms), "--from") == unix_ms


@pytest.mark.parametrize("given", ["2026-11-23T12:00:00", "2026-11-23", "yesterday", "", "1795435200"])
def test_anything_else_is_refused_by_the_name_of_its_option(given: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--to .* is no RFC 3339 time"):
        moment(given, "--to")


def test_a_range_ends_before_its_end() -> None:
    found = parse("2026-11-23T11:00:00Z", "2026-11-23T12:00:00Z", NOW)
    assert found == TimeRange(NOW - 3_600_000, NOW)
    assert NOW - 1 in found
    assert NOW - 3_600_000 in found
    assert NOW not in found


def test_a_range_that_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="not before"):
        parse("2026-11-23T11:00:00Z", "2026-11-23T11:00:00Z", NOW)
    with pytest.raises(ConfigurationError, match=r"future; the latest possible is 2026-11-23T12:00:00\.000Z"):
        parse("2026-11-23T11:00:00Z", "2026-11-23T12:00:00.001Z", NOW)
