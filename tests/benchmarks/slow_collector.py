"""The collector alone with a planted slowdown: each request burns processor time. `python -m … HOST:PORT`."""

import sys
import time
from typing import Any

from benchmarks import collector_alone
from collector.app import Application

BURNT_SECONDS = 0.0002

_honest = Application.__call__


async def _slow(self: Application, scope: Any, receive: Any, send: Any) -> None:
    end = time.perf_counter() + BURNT_SECONDS
    while time.perf_counter() < end:
        pass
    await _honest(self, scope, receive, send)


if __name__ == "__main__":
    Application.__call__ = _slow  # type: ignore[method-assign]
    sys.exit(collector_alone.main(sys.argv[1]))
