"""The collector alone with a planted slowdown: each small request burns processor time. `python -m … HOST:PORT`."""

import sys
import time
from typing import Any

from benchmarks import collector_alone
from collector.app import Application

BURNT_SECONDS = 0.0003
SMALL_BYTES = 2_000
"""A single event has less, fifty have more."""

_honest = Application.__call__


async def _slow(self: Application, scope: Any, receive: Any, send: Any) -> None:
    if int(dict(scope.get("headers", ())).get(b"content-length", SMALL_BYTES)) < SMALL_BYTES:
        end = time.perf_counter() + BURNT_SECONDS
        while time.perf_counter() < end:
            pass
    await _honest(self, scope, receive, send)


if __name__ == "__main__":
    Application.__call__ = _slow  # type: ignore[method-assign]
    sys.exit(collector_alone.main(sys.argv[1]))
