import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.lookups.agents import CACHED_AGENTS, MAX_CHARACTERS, AgentLookup, dotted
from eventrail.contract.v1.enriched_pb2 import Agent

with (Path(__file__).parent / "agents.tsv").open(newline="") as file:
    GOLDEN = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row[-1][:60])
def test_real_strings_give_the_expected_facts(agents: AgentLookup, row: list[str]) -> None:
    found = agents.of(row[-1])
    assert [found.browser, found.browser_version, found.os, found.os_version, found.device_type] == row[:-1]


def test_the_golden_table_knows_each_device_type() -> None:
    assert len(GOLDEN) >= 45
    assert {row[4] for row in GOLDEN} == {"desktop", "mobile", "tablet", "tv", "console", "bot", ""}


@pytest.mark.parametrize(
    "garbage", ["Other", "x", "\0", "é" * 99, "%s%n", "Mozilla/5.0 ()", "((((" * 300, " "]
)
def test_garbage_gives_empty_facts(agents: AgentLookup, garbage: str) -> None:
    assert agents.of(garbage) == Agent()


@pytest.mark.parametrize("part", ["x", "Mozilla/5.0 (Linux; Android 1", "Chrome/1.", "\U0001f600", "bot "])
def test_any_length_is_taken(agents: AgentLookup, part: str) -> None:
    huge = part * (100_000 // len(part))
    assert agents.of(huge) == agents.of(huge[:MAX_CHARACTERS])


def test_what_lies_beyond_the_contract_is_not_looked_at(agents: AgentLookup) -> None:
    assert agents.of("x" * (MAX_CHARACTERS - 9) + " bot/1.0 ").device_type == "bot"
    assert agents.of("x" * MAX_CHARACTERS + " bot/1.0 ") == Agent()


@given(text=ANY_TEXT)
def test_any_text_gives_versions_of_dotted_numbers(agents: AgentLookup, text: str) -> None:
    found = agents.of(f"Chrome/{text} Windows NT {text} Android {text}")
    for version in (found.browser_version, found.os_version):
        assert version == "" or (version.isascii() and version.replace(".", "").isdigit())


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
    first = lookup.of("curl/8.5.0")
    assert lookup.of("curl/8.5.0") is first
    for number in range(2):
        lookup.of(f"curl/{number}")
    assert lookup.of("curl/8.5.0") is not first
    assert CACHED_AGENTS * MAX_CHARACTERS < 16 * 2**20


def test_the_rules_have_a_version(agents: AgentLookup) -> None:
    name, _, version = agents.rules.partition(" ")
    assert name == "ua-parser-builtins"
    assert version[0].isdigit()
