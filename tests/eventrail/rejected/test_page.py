"""docs/rejected.md tells of every option, word and status that there is."""

import argparse
import re
from pathlib import Path

import pytest

from eventrail.rejected import command, options
from eventrail.rejected.names import REASONS, STAGES
from eventrail.rejected.plan import Refusal

PAGE = (Path(__file__).parents[3] / "docs" / "rejected.md").read_text()


def parsers() -> dict[str, argparse.ArgumentParser]:
    parser = argparse.ArgumentParser()
    options.add(parser.add_subparsers(dest="what"))
    found: dict[str, argparse.ArgumentParser] = {}
    for outer in _choices(parser).values():
        found |= _choices(outer)
    return found


def _choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    [action] = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    return dict(action.choices)


@pytest.mark.parametrize("action", ["list", "show", "stats", "replay"])
def test_every_action_and_option_is_told(action: str) -> None:
    assert f"\n## {action}\n" in PAGE
    for each in parsers()[action]._actions:
        for word in each.option_strings:
            assert word in {"-h", "--help"} or f"`{word}" in PAGE, word


def test_every_action_of_the_command_is_here() -> None:
    assert set(parsers()) == {"list", "show", "stats", "replay"} == set(command._ACTIONS)


def test_every_word_is_told_and_no_other() -> None:
    section = PAGE[PAGE.index("### What is refused") : PAGE.index("### Why it may be run again")]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)) == {str(word) for word in Refusal}
    for name in (*STAGES, *REASONS):
        assert f"`{name}`" in PAGE


def test_every_status_is_told() -> None:
    section = PAGE[PAGE.index("## Exit status") : PAGE.index("## Limits")]
    told = set(map(int, re.findall(r"^\| (\d+) \|", section, re.MULTILINE)))
    assert told == {command.DONE, command.AWAY, command.WRONG, command.SOME_REFUSED, command.STOPPED}
