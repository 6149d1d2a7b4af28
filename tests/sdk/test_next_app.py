"""The packed @sparklytics/next in a small Next.js app, in a real Chromium, against the real stack."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from tests.pipeline.river import until
from tests.sdk.conftest import Build, Serve, World
from tests.sdk.next_app import NEXT_14, NEXT_16, NextApp

pytestmark = [pytest.mark.stack, pytest.mark.browser]


OLDEST = pytest.param(NEXT_14, marks=[pytest.mark.long, pytest.mark.timeout(600)])


@pytest.fixture(scope="session", params=[NEXT_16, OLDEST], ids=str)
def version(request: pytest.FixtureRequest, build: Build) -> NextApp:
    app: NextApp = request.param
    build(app)
    return app


@pytest.fixture
async def app(version: NextApp, serve: Serve, world: World) -> AsyncIterator[World]:
    """The world, with the app running as its site; the version comes first, to be built while the stack starts."""
    async with serve(version):
        yield world


def views(app: World) -> list[str]:
    """The paths of the page views that arrived, in their order; what was sent twice is one."""
    found = {
        event["event_id"]: httpx.URL(event["url"]).raw_path.decode()
        for batch in app.gate.batches
        for event in batch
        if event["event_type"] == "pageview"
    }
    return [found[event_id] for event_id in sorted(found)]


async def test_the_app_router(app: World) -> None:
    tab = await app.visit("/")
    await tab.click("#demo")
    await tab.click("#plan")
    await tab.click("#order")
    await tab.click("#second")
    await tab.wait_for_url("**/second?part=2")
    await tab.go_back()
    await tab.click("#demo")
    await app.tallied(demo_request=2, plan_selected=1, order_sent=1, ordered=1)

    async def seen() -> list[str]:
        return views(app)

    await until(seen, ["/", "/second?part=2", "/"].__eq__)
    assert await tab.locator("main > button").count() == 2


async def test_the_pages_router(app: World) -> None:
    tab = await app.visit("/legacy")
    await tab.click("#hook")
    await tab.click("#click")
    await tab.click("#again")
    await tab.wait_for_url("**/legacy?again=1")
    await tab.click("#click")
    await app.tallied(legacy_hook=1, legacy_click=2)

    async def seen() -> list[str]:
        return views(app)

    await until(seen, ["/legacy", "/legacy?again=1"].__eq__)


async def test_offline_then_online(app: World) -> None:
    tab = await app.visit("/")
    await app.tabs.set_offline(offline=True)
    await tab.click("#demo")
    await tab.click("#plan")
    assert await app.left(tab) >= 2
    await app.tabs.set_offline(offline=False)
    await app.tallied(demo_request=1, plan_selected=1)
    await until(lambda: app.left(tab), (0).__eq__)


async def test_an_event_that_is_sent_before_the_pages(app: World) -> None:
    """By proxy.ts, which runs on Node; before Next.js 16 by middleware.ts, which runs on the edge runtime."""
    tab = await app.visit("/go/spring")
    assert tab.url == app.origin + "/second"
    await app.tallied(link_followed=1)
    (event,) = (one for batch in app.gate.batches for one in batch if one["event_type"] == "custom")
    assert event["event_data"] == {"campaign": "spring"}
    assert event["user_agent"] == await tab.evaluate("navigator.userAgent")
    assert event["url"] == app.origin + "/go/spring"


async def test_events_of_the_server_wait_for_a_collector_that_is_away(app: World) -> None:
    tab = await app.visit("/")
    app.gate.weather = "503"
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.post(app.origin + "/paid")
    assert answer.json() == {"taken": False}
    await tab.click("#order")
    await until(_tried(app, "ordered", 3), bool)
    app.gate.weather = "fine"
    # Nothing more is asked of the app: it sends what waits by itself.
    await app.tallied(paid=1, ordered=1, order_sent=1)


async def test_an_event_of_the_server_on_the_edge_runtime(app: World) -> None:
    visitor = {"x-forwarded-for": "2.125.160.216", "user-agent": "Mozilla/5.0 (of the visitor)"}
    async with httpx.AsyncClient() as client:
        answer = await client.post(app.origin + "/paid", headers=visitor)
    assert answer.json() == {"taken": True}
    await app.tallied(paid=1)
    ((event,),) = app.gate.batches
    assert (event["client_ip"], event["user_agent"]) == tuple(visitor.values())


def _tried(app: World, name: str, times: int) -> Callable[[], Awaitable[bool]]:
    async def there() -> bool:
        return app.gate.arrivals()[name] >= times

    return there
