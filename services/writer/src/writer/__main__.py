"""`python -m writer` writes events; `migrate` makes the tables, `rewind` lets events be written again from Kafka."""

import asyncio
import sys
from argparse import ArgumentTypeError
from datetime import datetime

from clickhouse_driver.errors import ServerException

from eventrail import logs
from eventrail.errors import ConfigurationError, UnavailableError
from eventrail.lifecycle import collect_rarely, complain, parser, run
from eventrail.settings import ClickHouseSettings, KafkaSettings, SharedSettings, load
from eventrail.websites.settings import WebsitesSettings
from eventrail.websites.watching import open_websites
from writer import app
from writer.migrations import migrate
from writer.rewind import rewind
from writer.settings import ALL, ClusterSettings, WriterSettings

_OBJECTS_OF_A_BATCH = 100_000
"""A batch is tens of thousands of objects, which live together and die without cycles."""


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 after an orderly end, 1 where ClickHouse does not answer or refuses, 2 for a wrong setting."""
    options = parser("writer", "Write enriched events into ClickHouse.", *ALL)
    commands = options.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("migrate", help="create the database and its tables, or bring them up to date")
    again = commands.add_parser(
        "rewind", help="set the group back, so that events are written again from Kafka"
    )
    again.add_argument(
        "--to",
        required=True,
        type=_moment,
        metavar="TIME",
        help="when the oldest event to be written again was accepted (RFC 3339), or: earliest",
    )
    again.add_argument("--dry-run", action="store_true", help="only say what would be done")
    chosen = options.parse_args(arguments)
    try:
        if chosen.command == "migrate":
            return _migrate()
        if chosen.command == "rewind":
            return _rewind(chosen.to, dry_run=chosen.dry_run)
        logs.configure("writer", load(SharedSettings).log_level)
        load(WriterSettings)
        open_websites(load(WebsitesSettings))
    except ConfigurationError as error:
        return complain("writer", error)
    collect_rarely(_OBJECTS_OF_A_BATCH)
    return run("writer", app.run)


def _migrate() -> int:
    try:
        applied = migrate(load(ClickHouseSettings).clickhouse_url, load(ClusterSettings))
    except (UnavailableError, ServerException) as error:
        print(f"writer migrate: {error}", file=sys.stderr)  # noqa: T201 - read at a terminal
        return 1
    print(f"applied: {', '.join(applied) or 'nothing, the tables are up to date'}")  # noqa: T201
    return 0


def _moment(text: str) -> int | None:
    """Unix milliseconds; None for "earliest"."""
    if text == "earliest":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 - refused below, like a time without its zone
    if moment.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} is no time: write it as 2026-11-23T14:00:00Z, or earliest")
    return int(moment.timestamp() * 1000)


def _rewind(since_ms: int | None, *, dry_run: bool) -> int:
    kafka, group = load(KafkaSettings), load(WriterSettings).group
    try:
        done = asyncio.run(rewind(kafka, group, since_ms, dry_run=dry_run))
    except UnavailableError as error:
        print(f"writer rewind: {error}", file=sys.stderr)  # noqa: T201 - read at a terminal
        return 1
    for partition, (before, now) in sorted(done.items()):
        print(f"partition {partition}: {before} -> {now}")  # noqa: T201
    verb = "would be" if dry_run else "will be"
    count = sum((before or 0) - (now or 0) for before, now in done.values())
    print(f"{count} records {verb} read again by the group {group}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
