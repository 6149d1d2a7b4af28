"""The collector's own app and server over a sink in memory: `python -m benchmarks.collector_alone HOST:PORT`.

The settings are those of the environment, but for the address.
"""

import asyncio
import sys

import uvloop

from collector.app import make_app, make_health, make_intake
from collector.metrics import Metrics
from collector.partitions import parse_secret
from collector.server import serve
from collector.settings import CollectorSettings, SecretSettings
from collector.sinks.memory import MemorySink
from eventrail.clock import SystemClock
from eventrail.health import bind
from eventrail.lifecycle import collect_rarely, run
from eventrail.sealing import SealingSettings, parse_keys
from eventrail.settings import load

_KEPT_CHUNKS = 10


async def serve_alone(stop: asyncio.Event, listen: str) -> None:
    """Serve at `listen` until `stop` is set."""
    settings, metrics = load(CollectorSettings), Metrics()
    secret = parse_secret(load(SecretSettings).salt_secret)
    intake = make_intake(secret, parse_keys(load(SealingSettings).address_keys), settings)
    sink = MemorySink(keep=_KEPT_CHUNKS)
    health = make_health(sink, lambda: None)
    app = make_app(settings, intake, sink, health, metrics, SystemClock())
    await serve(app, settings, bind(listen), stop, metrics)


def main(listen: str) -> int:
    """As the collector's own `main`; the exit status."""
    collect_rarely()
    return run("collector", lambda stop: serve_alone(stop, listen), uvloop.new_event_loop)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
