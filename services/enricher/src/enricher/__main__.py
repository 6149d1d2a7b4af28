"""`python -m enricher worker`, `replay` and `partitions`: the doors of the enricher."""

import argparse
import asyncio
import logging
import sys

from enricher.partition_increase import options as partition_options
from enricher.replay import options as replay_options
from enricher.settings import AllSettings, EnricherSettings, LookupSettings
from eventrail import lifecycle, logs
from eventrail.clock import SystemClock
from eventrail.errors import ConfigurationError
from eventrail.sealing import SealingSettings
from eventrail.settings import ClickHouseSettings, KafkaSettings, SharedSettings, load
from eventrail.tracing import TracingSettings
from eventrail.websites.settings import WebsitesSettings

_KINDS = (
    SharedSettings,
    KafkaSettings,
    SealingSettings,
    LookupSettings,
    EnricherSettings,
    WebsitesSettings,
    TracingSettings,
    ClickHouseSettings,  # for replay alone
)


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 after SIGTERM or SIGINT, 1 after an error, 2 for a wrong setting or topic, 3 from the watchdog."""
    options = lifecycle.parser("enricher", "Turn raw events into enriched ones.", *_KINDS)
    options.add_argument(
        "what",
        nargs="?",
        choices=["worker", "replay", "partitions"],
        default="worker",
        help="what to run",
    )
    replay_options.add_options(options)
    partition_options.add_options(options)
    chosen = options.parse_args(arguments)
    if chosen.what == "replay":
        return _replay(chosen)
    if chosen.what == "partitions":
        return _partitions(chosen)
    try:
        logs.configure("enricher", load(SharedSettings).log_level)
        settings = AllSettings(
            load(EnricherSettings),
            load(LookupSettings),
            load(SealingSettings),
            load(KafkaSettings),
            load(WebsitesSettings),
            load(TracingSettings),
        )
    except ConfigurationError as error:
        return lifecycle.complain("enricher", error)
    for name in ("faust", "mode"):
        # They tell each step of each rebalance at INFO.
        logging.getLogger(name).setLevel(logging.WARNING)

    async def work(stop: asyncio.Event) -> None:
        from enricher.worker import Enricher  # noqa: PLC0415 - Faust takes a second, in which signals must count

        worker = Enricher(settings, SystemClock())
        lifecycle.collect_rarely()
        await worker.run(stop)

    return lifecycle.run("enricher", work)


def _replay(chosen: argparse.Namespace) -> int:
    from enricher.replay.command import main  # noqa: PLC0415 - it takes what the worker takes to import

    return main(chosen, SystemClock())


def _partitions(chosen: argparse.Namespace) -> int:
    from enricher.partition_increase.command import main  # noqa: PLC0415 - as above

    return main(chosen, SystemClock())


if __name__ == "__main__":
    sys.exit(main())
