"""`python -m enricher worker`: the door of the enricher."""

import asyncio
import logging
import sys

from enricher.settings import AllSettings, EnricherSettings, LookupSettings
from eventrail import lifecycle, logs
from eventrail.clock import SystemClock
from eventrail.errors import ConfigurationError
from eventrail.sealing import SealingSettings
from eventrail.settings import KafkaSettings, SharedSettings, load

_KINDS = (SharedSettings, KafkaSettings, SealingSettings, LookupSettings, EnricherSettings)


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 after SIGTERM or SIGINT, 1 after an error, 2 for a wrong setting or topic, 3 from the watchdog."""
    options = lifecycle.parser("enricher", "Turn raw events into enriched ones.", *_KINDS)
    options.add_argument("what", nargs="?", choices=["worker"], default="worker", help="what to run")
    options.parse_args(arguments)
    try:
        logs.configure("enricher", load(SharedSettings).log_level)
        settings = AllSettings(
            load(EnricherSettings), load(LookupSettings), load(SealingSettings), load(KafkaSettings)
        )
    except ConfigurationError as error:
        return lifecycle.complain("enricher", error)
    for name in ("faust", "mode"):
        # They tell each step of each rebalance at INFO.
        logging.getLogger(name).setLevel(logging.WARNING)

    async def work(stop: asyncio.Event) -> None:
        from enricher.worker import Enricher  # noqa: PLC0415 - Faust takes a second, in which signals must count

        await Enricher(settings, SystemClock()).run(stop)

    return lifecycle.run("enricher", work)


if __name__ == "__main__":
    sys.exit(main())
