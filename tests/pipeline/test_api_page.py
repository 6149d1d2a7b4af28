"""docs/api.md and the pages beside it: each curl line answers as the page says, and each endpoint has one."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from starlette.routing import compile_path

from devstack import demo
from tests.pipeline import curl
from tests.pipeline.river import River, until

pytestmark = pytest.mark.stack

DOCS = Path(__file__).parents[2] / "docs"
FIRST = DOCS / "api.md"
PAGES = (FIRST, DOCS / "api-rows.md", DOCS / "api-paths.md")
OWN = "demo-shop"
REFUSED = {"start_date=2026-02-30": 400, "erasures/0190163d": 404}
"""Lines that show an error: what tells them apart, and their status. All others answer 200 or 202."""


def all_lines() -> list[str]:
    return [line for page in PAGES for line in curl.lines(page)]


@pytest.fixture(scope="module")
def shop() -> str:
    return f"shop-{datetime.now(UTC):%H%M%S%f}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo_shop(river: River, shop: str) -> str:
    """The demo's day, under a website id of its own."""
    day = demo.load()
    on = datetime.now(UTC).date() - timedelta(days=1)
    members = [demo.payload(event, shop, on) for visit in day.visits for event in visit.events]
    for batch in demo.batches(members):
        assert (await river.post(batch)).status_code == 202
    await until(lambda: river.counts(shop), dict(day.counts()).__eq__)
    return shop


def expected(line: str) -> Sequence[int]:
    return next(((status,) for part, status in REFUSED.items() if part in line), (200, 202))


@pytest.mark.parametrize("line", all_lines())
async def test_each_line_answers_as_the_page_says(line: str, river: River, demo_shop: str) -> None:
    answer = await curl.run(curl.located(line, river, demo_shop, OWN))
    assert answer.status_code in expected(line), answer.text


async def test_each_endpoint_has_a_line(river: River) -> None:
    document = (await river.query_api.get("/openapi.json")).json()
    shown = {(asked.method, httpx_path(asked.url)) for asked in map(curl.parse, curl.lines(FIRST))}
    missing = [
        (method.upper(), template)
        for template, methods in document["paths"].items()
        for method in methods
        if not any(verb == method.upper() and compile_path(template)[0].match(path) for verb, path in shown)
    ]
    assert not missing, f"show these in docs/api.md: {missing}"


def httpx_path(url: str) -> str:
    return re.sub(r"^[^/]*(?://[^/]+)?", "", url.partition("?")[0])


async def test_the_numbers_of_the_demo(river: River, demo_shop: str) -> None:
    """What the lines count is what the recorded day holds."""
    purchases = [
        event for visit in demo.load().visits for event in visit.events if event["event_name"] == "purchase"
    ]
    body: dict[str, Any] = {
        "event_name": "purchase",
        "metrics": ["count", {"statistic": "sum", "field": "prop.total"}],
        "group_by": ["prop.currency"],
    }
    answer = await river.query_api.post(f"/api/websites/{demo_shop}/events/query", json=body)
    told = {
        group["group"][0]["value"]: (group["metrics"]["count"], group["metrics"]["sum(prop.total)"])
        for group in answer.json()["data"]["groups"]
    }
    for currency, (count, total) in told.items():
        totals = [
            event["event_data"]["total"] for event in purchases if event["event_data"]["currency"] == currency
        ]
        assert (count, total) == (len(totals), pytest.approx(sum(totals)))
    assert sum(count for count, _total in told.values()) == len(purchases)
