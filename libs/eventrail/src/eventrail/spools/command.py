"""`python -m eventrail spools`: which collectors have a spool, and forget one that never comes back."""

import argparse
import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka.errors import KafkaError

from eventrail.clock import Clock, SystemClock
from eventrail.contract.topics import SPOOLS
from eventrail.errors import ConfigurationError
from eventrail.kafka import records
from eventrail.kafka.ending import end
from eventrail.kafka.offsets import close, connected_consumer
from eventrail.kafka.security import unreachable
from eventrail.settings import KafkaSettings, load
from eventrail.spools.reports import Spool
from eventrail.spools.topic import SpoolsTopic


def add(commands: Any) -> None:
    """Add the command to the subparsers of `python -m eventrail`."""
    spools = commands.add_parser("spools", help="which collectors have a spool; forget one that is gone")
    actions = spools.add_subparsers(dest="action", required=True)
    actions.add_parser(
        "list", help="every registered spool, what it holds, and for how long it has been silent"
    )
    forget = actions.add_parser(
        "forget",
        help="let data_through go on without a spool whose disk is lost: what it held is not counted",
    )
    forget.add_argument("id", help="as `list` shows it")


def run(chosen: argparse.Namespace, clock: Clock | None = None) -> int:
    """Exit status 0. Raises KafkaUnavailable, or ConfigurationError where no such spool is registered."""
    settings = load(KafkaSettings)
    if chosen.action == "list":
        found = asyncio.run(registered(settings))
        print("\n".join(lines(found, (clock or SystemClock()).now_ms())))  # noqa: T201 - read at a terminal
    else:
        asyncio.run(forget(settings, chosen.id))
        print(  # noqa: T201
            f"{chosen.id} is forgotten. A collector that still uses this spool registers it again within seconds; "
            "delete the folder where none is to use it any more."
        )
    return 0


async def registered(settings: KafkaSettings) -> list[Spool]:
    """Every registered spool, by id. Raises KafkaUnavailable."""
    consumer = await connected_consumer(settings, None)
    try:
        topic = SpoolsTopic(consumer)
        await topic.catch_up()
    finally:
        await close(consumer)
    return sorted(topic.spools, key=lambda spool: spool.id)


async def forget(settings: KafkaSettings, name: str) -> None:
    """Take the registration of a spool back. Raises KafkaUnavailable or ConfigurationError."""
    known = [spool.id for spool in await registered(settings)]
    if name not in known:
        raise ConfigurationError(f"no spool {name!r} is registered; there are: {', '.join(known) or 'none'}")
    sender = records.producer(settings)
    try:
        try:
            await sender.start()
        except (KafkaError, OSError) as error:
            raise await unreachable(settings, error) from error
        await records.send(sender, SPOOLS.name, 0, [records.Record(None, key=name.encode())])
    finally:
        await end(sender.stop())


def lines(spools: Iterable[Spool], now_ms: int) -> list[str]:
    """A table for people; `now_ms` in Unix milliseconds."""
    rows = [(one.id, one.host or "-", _held(one), _silent(one, now_ms)) for one in spools]
    if not rows:
        return ["no spool is registered"]
    table = [("spool", "host", "events", "last report"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in table
    ]


def _held(spool: Spool) -> str:
    return "unreadable" if spool.events is None else f"{spool.events:,}"


def _silent(spool: Spool, now_ms: int) -> str:
    return f"{max(0, now_ms - spool.reported_ms) / 1000:,.0f} s ago"
