"""What waits in a real Chromium: bounded, over reloads and tabs, also where the browser gives no room or no way."""

import pytest
from playwright.async_api import Page

from tests.pipeline.river import until
from tests.sdk.conftest import World

pytestmark = [pytest.mark.stack, pytest.mark.browser]

MOST_CHARACTERS = 1_000_000
FILL = """() => {
  let n = 0
  while (sparklytics.track('filled', { text: 'x'.repeat(4000) })) n++
  return n
}"""
TAKE_ALL_ROOM = """() => {
  let names = 0
  for (let size = 1 << 20; size >= 1; size >>= 1) {
    try {
      for (;;) {
        localStorage['mine' + names] = 'x'.repeat(size)
        names++
      }
    } catch {}
  }
}"""


async def waiting(tab: Page) -> int:
    """How many characters the events that wait have."""
    return int(
        await tab.evaluate(
            "Object.entries(localStorage).filter(([key]) => key.includes(':event:')).join('').length"
        )
    )


async def test_a_full_store_stays_within_its_bounds_over_reloads_and_tabs_and_loses_nothing(
    world: World,
) -> None:
    world.gate.weather = "away"
    one = await world.open()
    taken = await one.evaluate(FILL)
    assert taken > 200
    await one.reload()
    await one.wait_for_function("!!window.sparklytics?.pageView")
    two = await world.open("/two")
    for tab in (one, two):
        assert not await tab.evaluate("sparklytics.track('filled', { text: 'x'.repeat(4000) })")
        assert MOST_CHARACTERS * 0.9 < await waiting(tab) < MOST_CHARACTERS * 1.1
    world.gate.weather = "fine"
    await world.open("/three")
    await until(lambda: world.left(two), (0).__eq__, 60)
    await world.hurry("filled")
    await until(lambda: world.river.counts(world.site.website), {"filled": taken}.__eq__, 60)


async def test_a_page_that_ends_leaves_what_fits_and_the_next_one_sends_the_rest(world: World) -> None:
    tab = await world.open()
    await until(lambda: world.left(tab), (0).__eq__)
    before = len(world.gate.batches)
    await tab.evaluate(
        """() => {
          for (let n = 0; n < 120; n++) sparklytics.track('many', { n: 'once', text: 'x'.repeat(2000) })
          location.href = 'about:blank'
        }"""
    )

    async def gone() -> int:
        return len(world.gate.batches) - before

    await until(gone, (1).__eq__)
    assert 20 < len(world.gate.batches[-1]) < 30
    after = await world.open("/next")
    await until(lambda: world.left(after), (0).__eq__)
    await world.hurry("once")
    await until(lambda: world.river.counts(world.site.website), {"many": 120}.__eq__, 60)


async def test_a_browser_that_denies_storage(world: World) -> None:
    world.site.csp = "sandbox allow-scripts"
    tab = await world.open()
    with pytest.raises(Exception, match="SecurityError"):
        await tab.evaluate("localStorage")
    await world.track(tab, 1, 2)
    assert await tab.evaluate("sparklytics.identify('me')")
    await world.track(tab, 3)
    await world.settle(1, 2, 3)
    known = [event for batch in world.gate.batches for event in batch if event.get("visitor_id") == "me"]
    assert [event["event_data"] for event in known] == [{"n": 3}]


async def test_a_site_that_takes_all_room_itself(world: World) -> None:
    tab = await world.open()
    await tab.evaluate(TAKE_ALL_ROOM)
    with pytest.raises(Exception, match="QuotaExceededError"):
        await tab.evaluate("localStorage.mine = 'x'.repeat(100)")
    await world.track(tab, 1, 2)
    await world.settle(1, 2)


async def test_a_page_whose_fetch_throws_and_that_hands_over_nonsense(world: World) -> None:
    tab = await world.tabs.new_page()
    await tab.add_init_script("window.fetch = () => { throw new Error('not here') }")
    await tab.goto(world.origin)
    await tab.wait_for_function("!!window.sparklytics?.pageView")
    refused = await tab.evaluate(
        """() => {
          const circle = {}
          circle.self = circle
          const nonsense = [circle, { n: 1n }, { text: 'x'.repeat(5_000_000) }, 'text', [1], Symbol('s'), () => 1]
          return nonsense.map((data) => sparklytics.track('counted', data)).concat(sparklytics.track(null))
        }"""
    )
    assert refused == [False] * 8
    await world.track(tab, 1)
    await tab.goto("about:blank")
    assert world.gate.batches == []
    await world.track(await world.open(), 2)
    await world.settle(1, 2)
