import pytest

from collector.settings import CollectorSettings
from eventrail.errors import ConfigurationError
from eventrail.settings import load
from eventrail.websites import RateLimit, RateLimits


def test_rate_limits_are_off_unless_set() -> None:
    assert CollectorSettings().rate_limits() == RateLimits()
    assert CollectorSettings(rate_per_address_burst=7).rate_limits() == RateLimits()


@pytest.mark.parametrize(
    ("per_second", "burst", "expected"),
    [(100.0, 0, 1000), (1.0, 0, 50), (0.001, 0, 50), (5.01, 0, 51), (1e6, 0, 1_000_000), (1.0, 3, 3)],
)
def test_a_burst_that_is_not_set_is_ten_seconds_worth(per_second: float, burst: int, expected: int) -> None:
    settings = CollectorSettings(rate_per_website=per_second, rate_per_website_burst=burst)
    limit = RateLimit(per_second=per_second, burst=expected)
    assert settings.rate_limits() == RateLimits(per_website=limit)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RATE_PER_ADDRESS", "-1"),
        ("RATE_PER_ADDRESS", "nan"),
        ("RATE_PER_ADDRESS", "inf"),
        ("RATE_PER_ADDRESS", "1e-9"),
        ("RATE_PER_WEBSITE", "1e7"),
        ("RATE_PER_WEBSITE", "ten"),
        ("RATE_PER_WEBSITE_BURST", "-1"),
        ("RATE_PER_WEBSITE_BURST", "1.5"),
        ("RATE_BUCKETS", "0"),
    ],
)
def test_wrong_limits_are_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"EVENTRAIL_COLLECTOR_{name}", value)
    with pytest.raises(ConfigurationError, match=rf"EVENTRAIL_COLLECTOR_{name}: "):
        load(CollectorSettings)
