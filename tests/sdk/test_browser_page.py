"""docs/browser.md and the README: the page that they show sends its first event, and the two lines keep early calls."""

import re
from pathlib import Path

import pytest

from tests.pipeline import curl
from tests.pipeline.river import River, until
from tests.sdk.conftest import World
from tests.sdk.gate import PAGE

pytestmark = [pytest.mark.stack, pytest.mark.browser]

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "docs/browser.md", ROOT / "README.md")


def blocks(page: Path, language: str = "html") -> list[str]:
    """The blocks of a page in this language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("line", curl.lines(PAGES[0]))
async def test_each_curl_line_answers(river: River, website: str, line: str) -> None:
    answer = await curl.run(curl.located(line, river, website, "demo"))
    assert answer.status_code == 200
    assert "etag" in answer.headers or answer.json()["data"] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
async def test_the_first_page_sends_its_first_event(world: World, page: Path) -> None:
    shown = blocks(page)[0]
    assert 'src="http://localhost:8400/s.js" data-website-id="demo"' in shown
    world.site.page = shown.replace("http://localhost:8400/s.js", "{script}").replace('"demo"', '"{website}"')
    tab = await world.open()
    await tab.click("button")
    await world.hurry("purchase")
    await until(lambda: world.river.counts(world.site.website), {"purchase": 1}.__eq__)
    found = await world.river.properties(world.site.website, "purchase")
    assert [(key["property_key"], key["values"][0]["value"]) for key in found] == [
        ("amount", "49.99"),
        ("plan", "pro"),
    ]


async def test_the_calls_that_it_shows_are_counted(world: World) -> None:
    (calls,) = blocks(PAGES[0], "js")
    tab = await world.open()
    await tab.evaluate(calls)
    await world.hurry("signup_click", "purchase")
    await until(lambda: world.river.counts(world.site.website), {"signup_click": 1, "purchase": 1}.__eq__)


async def test_the_two_lines_keep_early_calls(world: World) -> None:
    (stub,) = [block for block in blocks(PAGES[0]) if "q: []" in block]
    assert len(stub.splitlines()) == 2
    early = "<script>sparklytics.identify('me'); sparklytics.track('counted', { n: 1 })</script>"
    world.site.page = PAGE.replace("<title>", f"{stub}{early}<title>")
    tab = await world.open()
    await world.track(tab, 2)
    await world.settle(1, 2)
    sent = [event for batch in world.gate.batches for event in batch if event["event_type"] == "custom"]
    assert [(event["event_data"]["n"], event["visitor_id"]) for event in sent] == [(1, "me"), (2, "me")]


def test_the_table_has_the_attributes_that_the_script_reads() -> None:
    source = (ROOT / "sdk/browser/src/options.ts").read_text()
    flags = re.search(r"FLAGS = \[(.*?)\]", source)
    assert flags is not None
    read = {*re.findall(r"dataset\.(\w+)", source), *re.findall(r'"(\w+)"', flags[1])}
    named = re.findall(r"^\| `data-([a-z-]+)", PAGES[0].read_text(), re.MULTILINE)
    assert {re.sub(r"-(\w)", lambda found: found[1].upper(), name) for name in named} == read
