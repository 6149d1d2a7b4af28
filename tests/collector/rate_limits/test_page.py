"""docs/rate-limits.md and docs/client-address.md say what the code does."""

import re
from pathlib import Path

from prometheus_client import generate_latest

from collector.forwarded import MAX_HOPS
from collector.metrics import Metrics
from collector.rate_limits import RateLimiter
from collector.settings import CollectorSettings
from eventrail.settings import variable
from eventrail.websites import RateLimits, reading

DOCS = Path(__file__).parents[3] / "docs"
LIMITS = (DOCS / "rate-limits.md").read_text(encoding="utf-8")
ADDRESSES = (DOCS / "client-address.md").read_text(encoding="utf-8")


def test_every_setting_is_on_its_page() -> None:
    for name in CollectorSettings.model_fields:
        if name.startswith("rate_"):
            assert f"`{variable(CollectorSettings, name)}`" in LIMITS
        if name in ("trusted_proxies", "forwarded_header"):
            assert f"`{variable(CollectorSettings, name)}`" in ADDRESSES


def test_every_variable_on_the_pages_exists() -> None:
    named = set(re.findall(r"EVENTRAIL_COLLECTOR_\w+", LIMITS + ADDRESSES))
    assert named <= {variable(CollectorSettings, name) for name in CollectorSettings.model_fields}


def test_every_metric_on_the_page_exists() -> None:
    metrics = Metrics()
    metrics.watch_limits(RateLimiter(RateLimits(), 10))
    exposed = generate_latest(metrics.registry).decode()
    names = set(re.findall(r"eventrail_collector_\w+", LIMITS))
    assert len(names) == 4
    for name in names:
        assert f"# TYPE {name} " in exposed


def test_the_example_of_the_page_is_a_valid_file() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", LIMITS, re.DOTALL)
    website = reading.read(example.encode(), "docs/rate-limits.md").find("shop")
    assert website is not None
    assert website.rate_limits.per_address is not None
    assert (website.rate_limits.per_address.per_second, website.rate_limits.per_address.burst) == (20, 200)


def test_the_bound_on_entries_is_the_one_of_the_page() -> None:
    assert f"more than {MAX_HOPS} trusted entries" in ADDRESSES
