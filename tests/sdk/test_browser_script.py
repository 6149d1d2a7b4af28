"""s.js in a real Chromium against the real stack: each event that `track` took is counted exactly once."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from playwright.async_api import Browser, Page

from devstack.testing import find_chromium
from tests.pipeline.river import until
from tests.sdk.conftest import World
from tests.sdk.gate import Weather

pytestmark = [pytest.mark.stack, pytest.mark.browser]


async def views(world: World) -> list[str]:
    """The paths of the page views that arrived, in their order; what was sent twice is one."""
    found = {
        event["event_id"]: httpx.URL(event["url"]).raw_path.decode()
        for batch in world.gate.batches
        for event in batch
        if event["event_type"] == "pageview"
    }
    return [found[event_id] for event_id in sorted(found)]


async def test_a_click_a_form_and_a_way_through_pages(world: World) -> None:
    world.site.attributes = "data-track-forms data-track-links"
    tab = await world.open("/?utm_source=news")
    await tab.click("#buy")
    await tab.click("#out")
    await tab.click("#next")
    await tab.wait_for_url("**/next")
    await tab.click("#send")
    await tab.wait_for_url("**/thanks?id=secret")
    once = {"purchase": 1, "link_click": 1, "form_submit": 1}
    await world.hurry(*once)
    await until(lambda: world.river.counts(world.site.website), once.__eq__)
    assert await world.river.properties(world.site.website, "form_submit") == [
        {"property_key": key, "values": [{"value": value, "count": 1}]}
        for key, value in (("id", "order"), ("name", "cart"))
    ]
    await until(lambda: views(world), ["/?utm_source=news", "/next", "/thanks?id=secret"].__eq__)


async def test_page_views_of_a_page_that_changes_its_own_address(world: World) -> None:
    world.site.attributes = "data-exclude-hash data-track-scroll"
    tab = await world.open("/start")
    await tab.evaluate("history.pushState(null, '', '/one'); history.replaceState(null, '', '/one')")
    await tab.evaluate("history.replaceState(null, '', '/two'); location.hash = 'part'")
    await tab.evaluate("history.go(-2)")
    await until(lambda: views(world), ["/start", "/one", "/two", "/start"].__eq__)
    await tab.evaluate("scrollTo(0, document.body.scrollHeight)")
    steps = [{"value": str(percent), "count": 1} for percent in (100, 25, 50, 75)]

    async def found() -> list[object]:
        data = await world.river.properties(world.site.website, "scroll_depth")
        return sorted((value for key in data for value in key["values"]), key=lambda one: str(one["value"]))

    await until(found, steps.__eq__)


async def test_a_page_that_the_browser_kept_is_viewed_again_when_it_comes_back(
    world: World, chromium: Browser
) -> None:
    async with await chromium.browser_type.launch(
        executable_path=find_chromium(),
        args=["--no-sandbox"],
        ignore_default_args=["--disable-back-forward-cache"],
    ) as keeping:
        world.tabs = await keeping.new_context()
        tab = await world.open("/start")
        await until(lambda: world.left(tab), (0).__eq__)
        await tab.evaluate(
            "addEventListener('pageshow', ({ persisted }) => sparklytics.track('back', { n: persisted }))"
        )
        await tab.click("#next")
        await tab.wait_for_url("**/next")
        await until(lambda: views(world), ["/start", "/next"].__eq__)
        await tab.evaluate("history.back()")
        await until(lambda: views(world), ["/start", "/next", "/start"].__eq__)
        assert world.gate.arrivals() == {"True": 1}


async def ahead(tab: Page) -> None:
    """The page's clock and timers go five seconds ahead."""
    await tab.clock.fast_forward(5_000)


async def wait(tab: Page) -> None:
    """Five seconds pass."""
    await tab.wait_for_function("start => Date.now() >= start + 5_000", arg=await tab.evaluate("Date.now()"))


@pytest.mark.parametrize("pass_five_seconds", [ahead, pytest.param(wait, marks=pytest.mark.long)])
async def test_offline_for_half_a_minute_then_online(
    world: World, pass_five_seconds: Callable[[Page], Awaitable[None]]
) -> None:
    if pass_five_seconds is ahead:
        await world.tabs.clock.install()
    tab = await world.open()
    await until(lambda: world.left(tab), (0).__eq__)
    arrived = len(world.gate.batches)
    await world.tabs.set_offline(offline=True)
    for number in range(6):
        await tab.click("#buy")
        await world.track(tab, number)
        await pass_five_seconds(tab)
    assert await world.left(tab) == 12
    assert len(world.gate.batches) == arrived
    await world.tabs.set_offline(offline=False)
    await world.settle(*range(6))
    await until(lambda: world.river.counts(world.site.website), {"purchase": 6, "counted": 6}.__eq__)
    assert await world.left(tab) == 0
    assert world.gate.arrivals() == {"purchase": 6, **{str(number): 1 for number in range(6)}}


async def test_a_reload_while_offline(world: World) -> None:
    tab = await world.open()
    await world.tabs.set_offline(offline=True)
    await world.track(tab, 1, 2)
    with pytest.raises(Exception, match="ERR_INTERNET_DISCONNECTED"):
        await tab.reload()
    await world.tabs.set_offline(offline=False)
    await tab.goto(world.origin)
    await world.settle(1, 2)


@pytest.mark.parametrize("weather", ["away", "slow"])
async def test_a_tab_that_is_closed_in_the_middle_of_a_batch(world: World, weather: Weather) -> None:
    world.gate.weather = weather
    tab = await world.open()
    await world.track(tab, *range(10))
    await until(_arrived(world, 1), bool)
    await tab.close()
    world.gate.weather = "fine"
    world.gate.let_go.set()
    await world.open()
    await world.settle(*range(10))


async def test_a_page_that_ends_takes_nothing_along(world: World) -> None:
    tab = await world.open()
    await until(lambda: world.left(tab), (0).__eq__)
    # In one step, so that nothing but the end of the page can have sent them.
    await tab.evaluate(
        "[1, 2, 3].forEach((n) => sparklytics.track('counted', { n })); location.href = 'about:blank'"
    )
    await world.settle(1, 2, 3)
    assert set(world.gate.arrivals().values()) == {1}


@pytest.mark.parametrize("status", ["503", "429"])
async def test_a_collector_that_asks_for_patience_gets_it(world: World, status: Weather) -> None:
    world.gate.weather = status
    tab = await world.open()
    await until(_arrived(world, 1), bool)
    world.gate.weather = "fine"
    await world.track(tab, 1, 2)
    await world.settle(1, 2)
    assert world.gate.times[1] - world.gate.times[0] >= world.gate.retry_after_s
    assert world.gate.arrivals() == {"1": 1, "2": 1}


async def test_other_tabs_and_later_pages_are_as_patient(world: World) -> None:
    world.gate.retry_after_s = 3
    world.gate.weather = "429"
    one = await world.open("/one")
    await until(_arrived(world, 1), bool)
    world.gate.weather = "fine"
    two = await world.open("/two")
    await world.track(two, 1)
    await one.goto(world.origin + "/three")
    await one.wait_for_function("!!window.sparklytics?.pageView")
    await world.track(one, 2)
    await world.settle(1, 2)
    assert world.gate.times[1] - world.gate.times[0] >= world.gate.retry_after_s
    assert await views(world) == ["/one", "/two", "/three"]


async def test_an_answer_that_was_lost_makes_no_second_event(world: World) -> None:
    tab = await world.open()
    await until(lambda: world.left(tab), (0).__eq__)
    world.gate.weather = "answer lost"
    await world.track(tab, 1)
    await until(_arrived(world, len(world.gate.batches) + 1), bool)
    world.gate.weather = "fine"
    await until(lambda: world.left(tab), (0).__eq__)
    await world.settle(1)
    first, *others = [
        event for batch in world.gate.batches for event in batch if event["event_type"] == "custom"
    ]
    assert others
    for again in others:
        assert again["sent_at"] > first["sent_at"]
        assert again | {"sent_at": first["sent_at"]} == first


async def test_tabs_that_track_at_the_same_time_send_each_event_once_between_them(world: World) -> None:
    one, two = await world.open(), await world.open()
    await until(lambda: world.left(one), (0).__eq__)
    for number in range(0, 40, 4):
        await asyncio.gather(world.track(one, number, number + 1), world.track(two, number + 2, number + 3))
    await world.settle(*range(40))
    assert set(world.gate.arrivals().values()) == {1}
    assert await world.left(one) == 0


async def test_what_one_tab_left_is_sent_by_another(world: World) -> None:
    world.gate.weather = "away"
    one = await world.open()
    await world.track(one, 1)
    await one.close()
    world.gate.weather = "fine"
    two = await world.open()
    await world.track(two, 2)
    await world.settle(1, 2)


async def test_a_strict_content_security_policy_and_a_collector_of_another_origin(world: World) -> None:
    origin = world.site.script.removesuffix("/s.js")
    world.site.csp = f"default-src 'none'; script-src 'self' {origin}; connect-src {origin}"
    tab = await world.tabs.new_page()
    told: list[str] = []
    tab.on("console", lambda message: told.append(message.text))
    await tab.goto(world.origin)
    await tab.click("#buy")
    await world.hurry("purchase")
    await until(lambda: world.river.counts(world.site.website), {"purchase": 1}.__eq__)
    await until(lambda: world.left(tab), (0).__eq__)
    assert world.gate.preflights == 0
    assert [text for text in told if "favicon" not in text] == []


async def test_a_page_over_plain_http_without_the_browsers_locks(world: World) -> None:
    world.site.script = world.site.script.replace("127.0.0.1", "events.test")
    world.origin = world.origin.replace("localhost", "shop.test")
    one, two = await world.open(), await world.open()
    assert await one.evaluate("navigator.locks") is None
    await world.track(one, 1, 2)
    await world.track(two, 3)
    await world.settle(1, 2, 3)


async def test_what_the_collector_refuses_shows_in_debug_mode_and_holds_nothing_up(world: World) -> None:
    world.site.attributes = "data-debug"
    tab = await world.open()
    await until(lambda: world.left(tab), (0).__eq__)
    told: list[str] = []
    tab.on("console", lambda message: told.append(message.text))
    await tab.evaluate("sparklytics.track('nul', { text: '\\u0000' })")
    await world.track(tab, 1)
    await world.settle(1)
    (refusal,) = told
    assert refusal.startswith("sparklytics: refused: [0].event_data: holds the NUL character")
    assert await world.left(tab) == 0


async def test_an_identified_visitor_has_a_session_of_its_own(world: World) -> None:
    tab = await world.open()
    await world.track(tab, 1)
    assert await tab.evaluate("sparklytics.identify('user-7')")
    await tab.goto(world.origin + "/later")
    await tab.wait_for_function("!!window.sparklytics?.pageView")
    await world.track(tab, 2)
    await tab.evaluate("sparklytics.reset()")
    await world.track(tab, 3)
    await world.settle(1, 2, 3)
    sql = (
        "SELECT property_values[1], visitor_id, session_id FROM events FINAL "
        "WHERE website_id = %(website)s AND event_name = 'counted'"
    )
    rows = {
        n: (visitor, session) for n, visitor, session in world.river.rows(sql, website=world.site.website)
    }
    assert rows["2"][0] == "user-7"
    assert rows["1"] == rows["3"] != rows["2"]
    assert rows["1"][1] != rows["2"][1]


def _arrived(world: World, batches: int) -> Callable[[], Awaitable[bool]]:
    async def there() -> bool:
        return len(world.gate.batches) >= batches

    return there
