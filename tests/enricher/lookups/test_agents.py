import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.lookups.agents import CACHED_AGENTS, MAX_CHARACTERS, MAX_HINT_BYTES, AgentLookup, dotted
from eventrail.contract.v1.enriched_pb2 import BOT_KIND_CRAWLER, BOT_KIND_HEADLESS, Agent, Bot, BotKind
from eventrail.contract.v1.raw_pb2 import ClientHints


def table(name: str) -> list[list[str]]:
    """Rows of a golden table without its head."""
    path = Path(__file__).parents[1] / "golden" / f"{name}.tsv"
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]


GOLDEN = table("agents")
HINTED = table("client_hints")

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
FROZEN_WINDOWS = GOLDEN[0][-1]  # Chrome on Windows


def facts(agent: Agent) -> list[str]:
    return [agent.browser, agent.browser_version, agent.os, agent.os_version, agent.device_type]


def kind(bot: Bot | None) -> str:
    return BotKind.Name(bot.kind).removeprefix("BOT_KIND_").lower() if bot else ""


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row[-1][:60])
def test_real_strings_give_the_expected_facts(agents: AgentLookup, row: list[str]) -> None:
    found = agents.of(row[-1])
    bot = found.bot
    assert [*facts(found.agent), kind(bot), bot.name if bot else ""] == row[:-1]


def test_the_golden_table_is_large_and_knows_each_kind() -> None:
    assert len(GOLDEN) >= 120
    assert len({row[-1] for row in GOLDEN}) == len(GOLDEN)
    assert {row[4] for row in GOLDEN} == {"desktop", "mobile", "tablet", "tv", "console", "bot", ""}
    assert {row[5] for row in GOLDEN} == {"crawler", "headless", "library", ""}
    assert all((row[4] == "bot") == (row[5] == "crawler") for row in GOLDEN)


@pytest.mark.parametrize("row", HINTED, ids=lambda row: row[0])
def test_hints_win_over_what_the_string_froze(agents: AgentLookup, row: list[str]) -> None:
    _case, *expected, brands, mobile, platform, platform_version, model, user_agent = row
    hints = ClientHints(
        brands=brands, mobile=mobile, platform=platform, platform_version=platform_version, model=model
    )
    found = agents.of(user_agent, hints)
    assert [*facts(found.agent), kind(found.bot)] == expected


@pytest.mark.parametrize(
    "hints",
    [
        ClientHints(),
        ClientHints(brands="garbage", mobile="yes", platform="Windows", platform_version="15", model="?"),
        ClientHints(brands='"Google Chrome";v="200"' + "x" * MAX_HINT_BYTES),
    ],
    ids=["none", "unreadable", "too long"],
)
def test_hints_that_say_nothing_change_nothing(agents: AgentLookup, hints: ClientHints) -> None:
    assert agents.of(FROZEN_WINDOWS, hints) == agents.of(FROZEN_WINDOWS)


def test_equal_strings_with_other_hints_are_other_clients(agents: AgentLookup) -> None:
    found = [
        agents.of(FROZEN_WINDOWS, ClientHints(platform='"Windows"', platform_version=f'"{major}.0.0"'))
        for major in (10, 15)
    ]
    assert [facts.agent.os_version for facts in found] == ["10", "11"]


def test_a_crawler_is_its_own_browser_and_device(agents: AgentLookup) -> None:
    found = agents.of(
        "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)"
    )
    assert found.agent == Agent(browser="meta-externalagent", device_type="bot")
    assert found.bot == Bot(
        kind=BOT_KIND_CRAWLER, name="meta-externalagent", reason="agent token: meta-externalagent"
    )


def test_a_brand_can_give_a_headless_browser_away(agents: AgentLookup) -> None:
    bot = agents.of(FROZEN_WINDOWS, ClientHints(brands='"HeadlessChrome";v="142", "Chromium";v="142"')).bot
    assert bot == Bot(
        kind=BOT_KIND_HEADLESS, name="HeadlessChrome", reason="client hint brand: HeadlessChrome"
    )


@pytest.mark.parametrize(
    "garbage", ["", "Other", "x", "\0", "é" * 99, "%s%n", "Mozilla/5.0 ()", "((((" * 300, " "]
)
def test_garbage_gives_empty_facts(agents: AgentLookup, garbage: str) -> None:
    found = agents.of(garbage)
    assert (found.agent, found.bot) == (Agent(), None)


@pytest.mark.parametrize(
    "part", ["x", "Mozilla/5.0 (Linux; Android 1", "Chrome/1.", "\U0001f600", "bot ", "cubot"]
)
def test_any_length_is_taken(agents: AgentLookup, part: str) -> None:
    huge = part * (100_000 // len(part))
    assert agents.of(huge) == agents.of(huge[:MAX_CHARACTERS])


def test_what_lies_beyond_the_contract_is_not_looked_at(agents: AgentLookup) -> None:
    assert agents.of("x" * (MAX_CHARACTERS - 9) + " bot/1.0 ").agent.device_type == "bot"
    found = agents.of("x" * MAX_CHARACTERS + " bot/1.0 ")
    assert (found.agent, found.bot) == (Agent(), None)


@given(text=ANY_TEXT, brand=ANY_TEXT, platform=ANY_TEXT)
def test_any_text_gives_versions_of_dotted_numbers(
    agents: AgentLookup, text: str, brand: str, platform: str
) -> None:
    hints = ClientHints(
        brands=f'"Google Chrome";v="{brand}"',
        platform='"Windows"',
        platform_version=f'"{platform}"',
        model=brand,
        mobile=text,
    )
    found = agents.of(f"Chrome/{text} Windows NT {text} Android {text}", hints).agent
    for version in (found.browser_version, found.os_version):
        assert version == "" or (version.isascii() and version.replace(".", "").isdigit())
    assert found.device_type in {"", "desktop", "mobile", "tablet", "tv", "console", "bot"}


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("10", "15", "7", None), "10.15.7"),
        (("141", "0", "0", "0"), "141.0.0.0"),
        (("XP", None, None, None), ""),
        (("5", "0b2", "1", None), "5"),
        (("5", None, "1", None), "5"),
        (("\u0663", "1", None, None), ""),
        ((None, None, None, None), ""),
    ],
)
def test_a_version_ends_before_the_first_part_that_is_no_number(
    parts: tuple[str | None, ...], text: str
) -> None:
    assert dotted(parts) == text


def test_answers_are_kept_and_their_number_is_bounded() -> None:
    lookup = AgentLookup(cached=2)
    hints = ClientHints(mobile="?0")
    first = lookup.of("curl/8.5.0", hints)
    assert lookup.of("curl/8.5.0", ClientHints(mobile="?0")) is first
    for number in range(2):
        lookup.of(f"curl/{number}")
    assert lookup.of("curl/8.5.0", hints) is not first
    assert CACHED_AGENTS * (MAX_CHARACTERS + MAX_HINT_BYTES) < 32 * 2**20


def test_the_rules_have_a_version(agents: AgentLookup) -> None:
    name, _, version = agents.rules.partition(" ")
    assert name == "ua-parser-builtins"
    assert version[0].isdigit()
