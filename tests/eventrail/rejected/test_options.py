import argparse

import pytest

from eventrail.contract.v1.rejected_pb2 import RejectionReason, Stage
from eventrail.errors import ConfigurationError
from eventrail.rejected import options
from eventrail.rejected.selection import EVERYTHING, Filters
from tests.eventrail.rejected.making import NOON


def chosen(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    options.add(parser.add_subparsers())
    return parser.parse_args(["rejected", *words])


def test_without_options_everything_is_listed() -> None:
    assert options.filters(chosen("list"), NOON) == EVERYTHING
    options.check_list(chosen("list"))


def test_filters_are_put_together() -> None:
    words = "list --stage writer --reason invalid --reason too-large --website a --event-id x --since 2h --until 1h"
    assert options.filters(chosen(*words.split()), NOON) == Filters(
        frozenset({Stage.STAGE_WRITER}),
        frozenset({RejectionReason.REJECTION_REASON_INVALID, RejectionReason.REJECTION_REASON_TOO_LARGE}),
        frozenset({"a"}),
        frozenset({"x"}),
        NOON - 7_200_000,
        NOON - 3_600_000,
    )


def test_times_must_be_in_order() -> None:
    with pytest.raises(ConfigurationError, match="--since 1h is not before --until 2h"):
        options.filters(chosen("stats", "--since", "1h", "--until", "2h"), NOON)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--limit 0", "expected 1 to 10,000; for more use --in-order"),
        ("--limit 10001", "expected 1 to 10,000"),
        ("--in-order --limit -1", "expected 0 "),
    ],
)
def test_a_limit_out_of_bounds_is_told(words: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        options.check_list(chosen("list", *words.split()))


def test_in_order_takes_any_limit() -> None:
    options.check_list(chosen("list", "--in-order", "--limit", "0"))
    options.check_list(chosen("list", "--in-order", "--limit", "99999"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "needs addresses, or filters, or --all"),
        ("--dry-run", "needs addresses"),
        ("0:1 --website a", "either addresses, or filters, or --all"),
        ("--all --stage writer", "either addresses"),
        ("0:1 --all", "either addresses"),
        ("--all --rate 0", "--rate 0: expected more than 0"),
        ("--all --rate -3", "--rate -3: expected"),
        ("--all --rate nan", "--rate nan: expected"),
        ("--all --rate inf", "--rate inf: expected"),
    ],
)
def test_a_replay_of_nobody_knows_what_is_refused(words: str, said: str) -> None:
    asked = chosen("replay", *words.split())
    with pytest.raises(ConfigurationError, match=said):
        options.check_replay(asked, options.filters(asked, NOON))


@pytest.mark.parametrize("words", ["0:1 0:2", "--website a", "--since 1h", "--all", "--all --rate 0.5"])
def test_one_way_of_choosing_is_enough(words: str) -> None:
    asked = chosen("replay", *words.split())
    options.check_replay(asked, options.filters(asked, NOON))


def test_show_takes_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        chosen("show", "0:1", "--raw", "--json")
    assert ended.value.code == 2
    assert "not allowed with" in capsys.readouterr().err
