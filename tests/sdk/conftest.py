"""A real Chromium, a site and the stack behind a gate."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from devstack.ports import free_addresses
from devstack.testing import find_chromium
from eventrail.health import serving
from tests.pipeline.river import River, until
from tests.sdk.gate import Gate, Site
from tests.sdk.next_app import NEXT_16, NextApp


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium(),
            # Names that end in .test are this machine; a page at http://*.test is no secure context.
            args=["--no-sandbox", "--host-resolver-rules=MAP *.test 127.0.0.1"],
        )
        yield browser
        await browser.close()


@pytest.fixture
async def tabs(chromium: Browser) -> AsyncIterator[BrowserContext]:
    """A browser with nothing stored; an exception in a page fails the test."""
    context = await chromium.new_context()
    context.set_default_timeout(20_000)
    broken: list[str] = []
    context.on("weberror", lambda error: broken.append(str(error.error)))
    yield context
    await context.close()
    assert broken == []


@dataclass
class World:
    """All that a test holds; `site` and `gate` have different origins."""

    river: River
    gate: Gate
    site: Site
    origin: str
    tabs: BrowserContext

    async def open(self, path: str = "/") -> Page:
        """A new tab with a page of the site, its script running."""
        tab = await self.tabs.new_page()
        await tab.goto(self.origin + path)
        await tab.wait_for_function("!!window.sparklytics?.pageView")
        return tab

    async def visit(self, path: str) -> Page:
        """A new tab with a page of a site that tracks by itself, once the event of its coming to life has arrived."""
        tab = await self.tabs.new_page()
        before = len(self.gate.batches)
        await tab.goto(self.origin + path)

        async def there() -> bool:
            return len(self.gate.batches) > before

        await until(there, bool)
        return tab

    async def track(self, tab: Page, *numbers: int) -> None:
        """Track an event for each number, with the number in it."""
        taken = await tab.evaluate(
            "numbers => numbers.map((n) => sparklytics.track('counted', { n }))", list(numbers)
        )
        assert all(taken)

    async def counted(self) -> dict[str, int]:
        """How often the numbers of `track` are counted by the query API, by number."""
        found = await self.river.properties(self.site.website, "counted")
        return {str(row["value"]): row["count"] for key in found for row in key["values"]}

    async def settle(self, *numbers: int) -> None:
        """Wait until each number is counted, then see that each is so once, and that nothing waits in the browser."""
        expected = {str(number): 1 for number in numbers}
        await self.hurry(*expected)
        await until(self.counted, lambda found: found.keys() == expected.keys(), 60)
        assert await self.counted() == expected

    async def tallied(self, **names: int) -> None:
        """Wait until these custom events, and no others, are counted by name."""
        await self.hurry(*names)
        await until(lambda: self.river.counts(self.site.website), names.__eq__, 60)

    async def hurry(self, *names: str) -> None:
        """Once the collector has these (numbers, or names of events), fill the batch that the writer waits for."""

        async def there() -> bool:
            return self.gate.passed >= set(names)

        await until(there, bool, 60)
        filling = {"website_id": "filling", "event_type": "custom", "event_name": "filling"}
        for _ in range(2):
            await self.river.post([filling] * 50)

    async def left(self, tab: Page) -> int:
        """How many events wait in the browser."""
        return int(
            await tab.evaluate("Object.keys(localStorage).filter((key) => key.includes(':event:')).length")
        )


@pytest.fixture
async def world(river: River, website: str, tabs: BrowserContext) -> AsyncIterator[World]:
    places = free_addresses(random.Random())
    gate_at, site_at = places.collector, places.query_api
    async with httpx.AsyncClient(timeout=30) as client:
        gate = Gate(river.addresses.collector.url, client)
        site = Site(f"http://{gate_at}/s.js", website)
        async with serving(gate, str(gate_at)), serving(site, str(site_at)):
            yield World(river, gate, site, f"http://localhost:{site_at.port}", tabs)
            # Before the servers stop: they wait for the requests of the pages.
            gate.let_go.set()
            for tab in tabs.pages:
                await tab.close()


Build = Callable[[NextApp], Future[None]]
"""Begins to build a Next.js app, once; that goes on while other things start."""

Serve = Callable[..., AbstractAsyncContextManager[Path]]
"""Runs a Next.js app as the site of the world, with the variables that are given by name; gives its log."""


@pytest.fixture(scope="session")
def build() -> Iterator[Build]:
    with ThreadPoolExecutor() as pool:
        yield cache(lambda app: pool.submit(app.ensure))


@pytest.fixture
def serve(build: Build, world: World, tmp_path: Path) -> Serve:
    @asynccontextmanager
    async def serving_app(app: NextApp = NEXT_16, **variables: str) -> AsyncIterator[Path]:
        await asyncio.wrap_future(build(app))
        port, log = free_addresses(random.Random()).enricher.port, tmp_path / "next.log"
        world.origin = f"http://localhost:{port}"
        told = {
            "SPARKLYTICS_WEBSITE_ID": world.site.website,
            "SPARKLYTICS_API_HOST": world.site.script.removesuffix("/s.js"),
            **variables,
        }
        with app.started(port, log, told):
            await until(lambda: _answers(world.origin + "/second"), bool, 60)
            yield log

    return serving_app


async def _answers(url: str) -> bool:
    try:
        async with httpx.AsyncClient() as client:
            return (await client.get(url)).status_code == 200
    except httpx.TransportError:
        return False
