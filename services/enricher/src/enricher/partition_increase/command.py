"""`python -m enricher partitions`: the door of an increase."""

import argparse
import asyncio
import sys
from collections.abc import Iterator

from enricher.partition_increase.increase import Increase, increase
from eventrail import logs
from eventrail.clock import Clock
from eventrail.errors import ConfigurationError, EventrailError
from eventrail.settings import KafkaSettings, load


def main(chosen: argparse.Namespace, clock: Clock) -> int:
    """Exit status: 0 when done, 1 where Kafka does not answer, 2 where it may not be done."""
    logs.configure("enricher", "CRITICAL")  # what goes wrong is raised, and told once
    try:
        if not chosen.count or chosen.count < 1:
            raise ConfigurationError("partitions needs --count N, how many each topic shall have")
        done = asyncio.run(
            increase(load(KafkaSettings), chosen.count, clock.now_ms(), dry_run=chosen.dry_run)
        )
    except ConfigurationError as error:
        print(f"enricher partitions: {error}", file=sys.stderr)  # noqa: T201 - read at a terminal
        return 2
    except EventrailError as error:
        print(f"enricher partitions: {error}", file=sys.stderr)  # noqa: T201
        return 1
    for line in _lines(done):
        print(line)  # noqa: T201
    return 0


def _lines(done: Increase) -> Iterator[str]:
    plan = done.plan
    if not plan.short:
        yield f"nothing to do: all topics have {plan.new} partitions"
        return
    verb = "would get" if done.carried is None else "have"
    yield f"{', '.join(plan.short)}: {verb} {plan.new} partitions"
    if done.carried is not None:
        yield f"live session states: {done.carried}, each carried to {plan.new // plan.old - 1} new partitions"
    if done.waiting:
        yield f"not done before: {done.waiting} raw records; sessions of their visitors may be split"
