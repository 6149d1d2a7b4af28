"""The attributes of the script element, in a real Chromium: nothing that was not asked for."""

import pytest
from playwright.async_api import Page

from tests.pipeline.river import until
from tests.sdk.conftest import World

pytestmark = [pytest.mark.stack, pytest.mark.browser]


async def viewed(world: World) -> list[str]:
    """The addresses of the page views that arrived, without the site's origin."""
    return [
        event["url"].removeprefix(world.origin)
        for batch in world.gate.batches
        for event in batch
        if event["event_type"] == "pageview"
    ]


async def use(tab: Page) -> None:
    """All that a script may track by itself: a link to another host, a form, the way down the page."""
    await tab.evaluate(
        "document.querySelector('#order').addEventListener('submit', (event) => event.preventDefault())"
    )
    await tab.click("#out")
    await tab.click("#send")
    await tab.evaluate("scrollTo(0, document.body.scrollHeight)")


async def test_without_attributes_only_page_views_are_taken_by_themselves(world: World) -> None:
    tab = await world.open()
    await use(tab)
    await world.track(tab, 1)
    await world.settle(1)
    assert await world.river.counts(world.site.website) == {"counted": 1}
    assert await viewed(world) == ["/"]


async def test_a_change_of_the_hash_is_a_page_view_unless_it_is_excluded(world: World) -> None:
    tab = await world.open("/start#top")
    await tab.evaluate("location.hash = 'part'")
    await until(lambda: viewed(world), ["/start#top", "/start#part"].__eq__)
    world.gate.batches.clear()
    world.site.attributes = "data-exclude-hash"
    tab = await world.open("/start#top")
    await tab.evaluate("location.hash = 'part'; history.pushState(null, '', '/end#part')")
    await until(lambda: viewed(world), ["/start", "/end"].__eq__)


SIGNALS = {"doNotTrack": "'1'", "globalPrivacyControl": "true"}


async def say(tab: Page, signal: str) -> None:
    """Give the browser of this tab the signal."""
    await tab.add_init_script(f"Object.defineProperty(navigator, '{signal}', {{ value: {SIGNALS[signal]} }})")


async def test_who_is_not_to_be_tracked_leaves_no_trace_unless_the_page_insists(world: World) -> None:
    everything = "data-track-links data-track-forms data-track-scroll"
    for attributes, signals in (("data-disabled", []), ("", ["doNotTrack"]), ("", ["globalPrivacyControl"])):
        world.site.attributes = f"{attributes} {everything}"
        tab = await world.tabs.new_page()
        for signal in signals:
            await say(tab, signal)
        await tab.goto(world.origin)
        assert not await tab.evaluate("sparklytics.track('counted', { n: 1 }) || sparklytics.identify('me')")
        await use(tab)
        assert await tab.evaluate("localStorage.length") == 0
    world.site.attributes = 'data-disabled="false" data-respect-dnt="false"'
    insisted = await world.tabs.new_page()
    for signal in SIGNALS:
        await say(insisted, signal)
    await insisted.goto(world.origin + "/heard")
    await world.track(insisted, 2)
    await world.settle(2)
    assert await viewed(world) == ["/heard"]


async def test_the_collector_is_the_scripts_host_or_the_one_that_is_named(world: World) -> None:
    origin = world.site.script.removesuffix("/s.js")
    world.site.script = world.site.script.replace("127.0.0.1", "localhost")
    posts: list[str] = []
    world.tabs.on("request", lambda sent: posts.append(sent.url) if sent.method == "POST" else None)
    tab = await world.open()
    await world.track(tab, 1)
    await until(lambda: world.left(tab), (0).__eq__)
    assert {*posts} == {world.site.script.removesuffix("s.js") + "api/collect"}
    posts.clear()
    world.site.attributes = f'data-api-host="{origin}/any/path"'
    await world.track(await world.open(), 2)
    await world.settle(1, 2)
    assert {*posts} == {origin + "/api/collect"}


async def test_a_script_element_that_is_wrong_is_told_of_and_breaks_no_page(world: World) -> None:
    world.site.page = world.site.page.replace('data-website-id="{website}"', "")
    tab = await world.tabs.new_page()
    told: list[str] = []
    tab.on("console", lambda message: told.append(message.text))
    await tab.goto(world.origin)
    await tab.click("#buy")
    assert [text for text in told if "favicon" not in text] == ["sparklytics: Error: no data-website-id"]
    assert world.gate.batches == []
