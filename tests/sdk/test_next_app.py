"""The packed @sparklytics/next in a small Next.js app, in a real Chromium, against the real stack."""

import os
import random
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page

from devstack import npm
from devstack.npm import NODE, SDK
from devstack.ports import free_addresses
from tests.pipeline.river import until
from tests.sdk.conftest import World

pytestmark = [pytest.mark.stack, pytest.mark.browser]

APP = SDK / "next-app"
TSC = SDK / "node_modules" / "typescript" / "bin" / "tsc"
NEXT = APP / "node_modules" / "next" / "dist" / "bin" / "next"
QUIET = {"NEXT_TELEMETRY_DISABLED": "1", "NODE_ENV": "production"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app, with the package installed from its tarball, type-checked and built."""
    for folder in (SDK, APP):
        npm.install(lambda _: None, folder)
    folder = tmp_path_factory.mktemp("pack")
    npm.run([str(NODE), "next/build.mjs"], SDK)
    npm.run([*npm.NPM, "pack", "--workspace", "@sparklytics/next", "--pack-destination", str(folder)], SDK)
    (tarball,) = folder.glob("*.tgz")
    alone = ["--no-save", "--no-package-lock", "--legacy-peer-deps", "--workspaces=false"]
    npm.run([*npm.NPM, "install", *alone, str(tarball)], APP)
    npm.run([str(NODE), str(TSC), "-p", str(APP)], APP)
    npm.run(
        ["env", *(f"{name}={value}" for name, value in QUIET.items()), str(NODE), str(NEXT), "build"], APP
    )
    return APP


@contextmanager
def started(folder: Path, log: Path, port: int, variables: dict[str, str]) -> Iterator[None]:
    command = [str(NODE), str(NEXT), "start", "--port", str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | QUIET | variables,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
async def app(world: World, built: Path, tmp_path: Path) -> AsyncIterator[World]:
    """The world, with the app running as its site."""
    port = free_addresses(random.Random()).enricher.port
    world.origin = f"http://localhost:{port}"
    variables = {
        "SPARKLYTICS_WEBSITE_ID": world.site.website,
        "SPARKLYTICS_API_HOST": world.site.script.removesuffix("/s.js"),
    }
    with started(built, tmp_path / "next.log", port, variables):
        async with httpx.AsyncClient() as client:

            async def answers() -> bool:
                try:
                    return (await client.get(world.origin + "/second")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(answers, bool, 60)
            yield world


async def opened(app: World, path: str) -> Page:
    """A new tab whose page view, and so the whole page, has come to life."""
    tab = await app.tabs.new_page()
    before = len(app.gate.batches)
    await tab.goto(app.origin + path)

    async def there() -> bool:
        return len(app.gate.batches) > before

    await until(there, bool)
    return tab


def views(app: World) -> list[str]:
    """The paths of the page views that arrived, in their order; what was sent twice is one."""
    found = {
        event["event_id"]: httpx.URL(event["url"]).raw_path.decode()
        for batch in app.gate.batches
        for event in batch
        if event["event_type"] == "pageview"
    }
    return [found[event_id] for event_id in sorted(found)]


async def counted(app: World, **names: int) -> None:
    await app.hurry(*names)
    await until(lambda: app.river.counts(app.site.website), names.__eq__, 60)


async def test_the_app_router(app: World) -> None:
    tab = await opened(app, "/")
    await tab.click("#demo")
    await tab.click("#plan")
    await tab.click("#order")
    await tab.click("#second")
    await tab.wait_for_url("**/second?part=2")
    await tab.go_back()
    await tab.click("#demo")
    await counted(app, demo_request=2, plan_selected=1, order_sent=1, ordered=1)

    async def seen() -> list[str]:
        return views(app)

    await until(seen, ["/", "/second?part=2", "/"].__eq__)
    assert await tab.locator("main > button").count() == 2


async def test_the_pages_router(app: World) -> None:
    tab = await opened(app, "/legacy")
    await tab.click("#hook")
    await tab.click("#click")
    await tab.click("#again")
    await tab.wait_for_url("**/legacy?again=1")
    await tab.click("#click")
    await counted(app, legacy_hook=1, legacy_click=2)

    async def seen() -> list[str]:
        return views(app)

    await until(seen, ["/legacy", "/legacy?again=1"].__eq__)


async def test_offline_then_online(app: World) -> None:
    tab = await opened(app, "/")
    await app.tabs.set_offline(offline=True)
    await tab.click("#demo")
    await tab.click("#plan")
    assert await app.left(tab) >= 2
    await app.tabs.set_offline(offline=False)
    await counted(app, demo_request=1, plan_selected=1)
    await until(lambda: app.left(tab), (0).__eq__)


async def test_an_event_of_the_server_on_the_edge_runtime(app: World) -> None:
    visitor = {"x-forwarded-for": "2.125.160.216", "user-agent": "Mozilla/5.0 (of the visitor)"}
    async with httpx.AsyncClient() as client:
        answer = await client.post(app.origin + "/paid", headers=visitor)
    assert answer.json() == {"taken": True}
    await counted(app, paid=1)
    ((event,),) = app.gate.batches
    assert (event["client_ip"], event["user_agent"]) == tuple(visitor.values())
