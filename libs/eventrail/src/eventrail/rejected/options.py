"""The options of `python -m eventrail rejected`, and what they mean."""

import argparse
from pathlib import Path
from typing import Any, Final

from eventrail.errors import ConfigurationError
from eventrail.rejected import times
from eventrail.rejected.names import REASONS, STAGES, reason_number, stage_number
from eventrail.rejected.selection import EVERYTHING, Filters

DEFAULT_LIMIT: Final = 50
MOST_NEWEST: Final = 10_000
DEFAULT_RATE: Final = 100.0

_TIME: Final = "RFC 3339 time, or a time ago: 30m, 2h, 3d"


def add(commands: Any) -> None:
    """Add `rejected list | show | stats | replay` to the subcommands of an argument parser."""
    rejected = commands.add_parser("rejected", help="list, read, count and replay rejected events")
    actions = rejected.add_subparsers(dest="action", required=True)
    _add_list(actions.add_parser("list", help="one line for each rejected event, the newest first"))
    _add_show(actions.add_parser("show", help="all that is known of one rejected event"))
    _add_stats(actions.add_parser("stats", help="counts by stage, reason, website, version and hour"))
    _add_replay(actions.add_parser("replay", help="send rejected events again to where they came from"))


def _add_list(options: argparse.ArgumentParser) -> None:
    _add_filters(options)
    options.add_argument(
        "--limit", type=int, default=DEFAULT_LIMIT, metavar="N", help=f"most lines, default {DEFAULT_LIMIT}"
    )
    options.add_argument(
        "--in-order",
        action="store_true",
        help="partition by partition as they stand there; --limit 0 for all",
    )
    options.add_argument("--json", action="store_true", help="one JSON object per line")


def _add_show(options: argparse.ArgumentParser) -> None:
    options.add_argument("address", metavar="PARTITION:OFFSET", help="as `list` prints it")
    form = options.add_mutually_exclusive_group()
    form.add_argument("--raw", action="store_true", help="write the original bytes, and nothing else")
    form.add_argument("--json", action="store_true", help="one JSON object")


def _add_stats(options: argparse.ArgumentParser) -> None:
    _add_filters(options)
    options.add_argument("--json", action="store_true", help="one JSON object")


def _add_replay(options: argparse.ArgumentParser) -> None:
    options.add_argument("addresses", nargs="*", metavar="PARTITION:OFFSET", help="as `list` prints them")
    _add_filters(options)
    options.add_argument("--all", action="store_true", help="everything that was rejected")
    options.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    options.add_argument("--patch", type=Path, metavar="FILE", help="a JSON Merge Patch to lay on each event")
    options.add_argument(
        "--rate", type=float, default=DEFAULT_RATE, metavar="N", help="events per second, default 100"
    )
    options.add_argument(
        "--again", action="store_true", help="also what was replayed before (never what is stored)"
    )
    options.add_argument("--json", action="store_true", help="one JSON object per line")


def _add_filters(options: argparse.ArgumentParser) -> None:
    group = options.add_argument_group(
        "filters", "all must fit; each of the first four may be given repeatedly"
    )
    group.add_argument("--stage", action="append", default=[], help=", ".join(STAGES))
    group.add_argument("--reason", action="append", default=[], help=", ".join(REASONS))
    group.add_argument("--website", action="append", default=[], metavar="ID")
    group.add_argument("--event-id", action="append", default=[], metavar="ID")
    group.add_argument("--since", metavar="TIME", help=f"first time of rejection: {_TIME}")
    group.add_argument("--until", metavar="TIME", help="time of rejection to stop before")


def filters(chosen: argparse.Namespace, now_ms: int) -> Filters:
    """The filters that were chosen. Raises ConfigurationError that names the option."""
    made = Filters(
        frozenset(map(stage_number, chosen.stage)),
        frozenset(map(reason_number, chosen.reason)),
        frozenset(chosen.website),
        frozenset(chosen.event_id),
        times.moment(chosen.since, "--since", now_ms) if chosen.since else None,
        times.moment(chosen.until, "--until", now_ms) if chosen.until else None,
    )
    if made.since_ms is not None and made.until_ms is not None and made.since_ms >= made.until_ms:
        raise ConfigurationError(f"--since {chosen.since} is not before --until {chosen.until}")
    return made


def check_list(chosen: argparse.Namespace) -> None:
    """Raises ConfigurationError where the limit does not fit the order."""
    if chosen.in_order:
        if chosen.limit < 0:
            raise ConfigurationError(f"--limit {chosen.limit}: expected 0 (all) or more")
    elif not 1 <= chosen.limit <= MOST_NEWEST:
        raise ConfigurationError(
            f"--limit {chosen.limit}: expected 1 to {MOST_NEWEST:,}; for more use --in-order, which takes 0 for all"
        )


def check_replay(chosen: argparse.Namespace, selected: Filters) -> None:
    """Raises ConfigurationError unless exactly one way of choosing events was taken, and the rate is above 0."""
    ways = [bool(chosen.addresses), selected != EVERYTHING, chosen.all]
    if not any(ways):
        raise ConfigurationError("replay needs addresses, or filters, or --all for everything")
    if sum(ways) > 1:
        raise ConfigurationError(
            "replay takes either addresses, or filters, or --all, but not several of them"
        )
    if not 0 < chosen.rate <= 1_000_000:
        raise ConfigurationError(f"--rate {chosen.rate:g}: expected more than 0, at most 1,000,000")
