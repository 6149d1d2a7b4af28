"""Events of a Next.js server at a collector with a websites.yaml: whose they are, with and without the right key."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from devstack import environment, keys, programs
from devstack.ports import free_addresses
from devstack.single import running
from eventrail.websites.keys import hash_of, make
from tests.pipeline.river import River
from tests.sdk.conftest import Serve, World

pytestmark = [pytest.mark.stack, pytest.mark.browser]

KEY, OTHER_KEY, READING_KEY = (make(random.randbytes(32)) for _ in range(3))
VISITOR = "2.125.160.216"
SITES = [f"keyed-{random.randrange(10**12)}" for _ in range(4)]

WEBSITE = """
- id: {site}
  name: Shop
  domains: [{site}.example]
  server_keys:
  - {{id: app, hash: "{app}", scopes: [send]}}
  - {{id: board, hash: "{board}", scopes: [read]}}
"""


@pytest.fixture(scope="module")
async def guarded(river: River, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of a second collector of the same stack, which knows the sites and their keys."""
    folder = tmp_path_factory.mktemp("guarded")
    file = folder / "websites.yaml"
    hashes = {"app": hash_of(KEY), "board": hash_of(READING_KEY)}
    file.write_text("websites:" + "".join(WEBSITE.format(site=site, **hashes) for site in SITES))
    addresses = replace(river.addresses, collector=free_addresses(random.Random()).collector)
    made = {
        **keys.secrets_of(river.data),
        "EVENTRAIL_WEBSITES": str(file),
        # The gate, which hands on what a proxy before it would have said.
        "EVENTRAIL_COLLECTOR_TRUSTED_PROXIES": "127.0.0.1",
    }
    variables = environment.build(river.environment, addresses, made)
    (program,) = (one for one in programs.services(addresses) if one.name == "collector")
    async with running(program, folder / "collector.log", variables):
        yield addresses.collector.url


@pytest.fixture
def website() -> str:
    return SITES.pop()


@pytest.fixture
def world(world: World, guarded: str) -> World:
    """The world, its gate leading to that collector."""
    world.gate.collector = guarded
    return world


async def paid(world: World) -> object:
    """What the app says of an event that its server sends for a visitor."""
    async with httpx.AsyncClient() as client:
        visitor = {"x-forwarded-for": VISITOR, "user-agent": "Mozilla/5.0 (X11; rv:140.0) Firefox/140.0"}
        answer = await client.post(world.origin + "/paid", headers=visitor)
    assert answer.status_code == 200
    return answer.json()["taken"]


async def test_with_the_key_an_event_of_the_server_belongs_to_its_visitors_session(
    world: World, serve: Serve
) -> None:
    async with serve(SPARKLYTICS_SERVER_KEY=KEY) as log:
        # As from a proxy in front of both the app and the collector.
        await world.tabs.set_extra_http_headers({"X-Forwarded-For": VISITOR})
        tab = await world.visit("/")
        await tab.click("#demo")
        await tab.click("#order")
        await world.tallied(demo_request=1, order_sent=1, ordered=1)
        sql = (
            "SELECT event_name, visitor_id, session_id, city, browser FROM events FINAL "
            "WHERE website_id = %(website)s AND event_type = 'custom'"
        )
        rows = {name: told for name, *told in world.river.rows(sql, website=world.site.website)}
        assert rows["ordered"] == rows["demo_request"] == rows["order_sent"]
        visitor_id, _, city, browser = rows["ordered"]
        assert visitor_id
        assert (city, browser.removeprefix("Headless")) == ("Boxford", "Chrome")
        assert "sparklytics" not in log.read_text()


async def test_without_a_key_it_counts_as_the_servers_and_the_log_says_what_to_do(
    world: World, serve: Serve
) -> None:
    async with serve() as log:
        assert [await paid(world), await paid(world)] == [True, True]
        await world.tallied(paid=2)
        sql = "SELECT DISTINCT city, browser FROM events FINAL WHERE website_id = %(website)s"
        assert world.river.rows(sql, website=world.site.website) == [("", "")]
        (told,) = [line for line in log.read_text().splitlines() if "sparklytics" in line]
        assert "ignored client_ip and user_agent" in told
        assert "SPARKLYTICS_SERVER_KEY" in told
        assert VISITOR not in told


@pytest.mark.parametrize(
    ("key", "why"),
    [(OTHER_KEY, "is no server key of"), (READING_KEY, "has no scope 'send'")],
    ids=["another website's", "without the scope"],
)
async def test_a_wrong_key_is_refused_the_log_says_why_and_the_app_goes_on(
    world: World, serve: Serve, key: str, why: str
) -> None:
    async with serve(SPARKLYTICS_SERVER_KEY=key) as log:
        assert await paid(world) is False
        assert len(world.gate.batches) == 1
        (told,) = [line for line in log.read_text().splitlines() if "sparklytics" in line]
        assert why in told
        assert '"paid" not taken' in told
        assert "invalid_key" in told
        assert "SPARKLYTICS_SERVER_KEY" in told
        assert key not in told
        tab = await world.visit("/")
        await tab.click("#order")
        await world.tallied(order_sent=1)
