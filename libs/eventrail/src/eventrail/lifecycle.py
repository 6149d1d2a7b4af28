"""How a process starts and ends: settings errors as text, signals as one event."""

import argparse
import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from eventrail import logs
from eventrail.errors import ConfigurationError
from eventrail.settings import Settings, help_text


def parser(program: str, description: str, *kinds: type[Settings]) -> argparse.ArgumentParser:
    """An argument parser whose `--help` ends with every setting of `kinds`."""
    return argparse.ArgumentParser(
        prog=program,
        description=description,
        epilog=help_text(*kinds),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; call inside the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def collect_rarely(allocations: int = 20_000) -> None:
    """Let the garbage collector look for cycles after so many new objects (else 700), and never at those of now.

    For a process that has built what it keeps, and whose work makes many objects and few cycles: they are walked
    through again and again while they live. 100,000 objects are about 10 MB.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(allocations, *gc.get_threshold()[1:])


def run(
    service: str,
    main: Callable[[asyncio.Event], Awaitable[None]],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> int:
    """Run `main(stop)` to its end, in a loop of `loop_factory`, and return the exit status.

    0 after an orderly end, 2 where a ConfigurationError tells that a person must change something,
    1 after any other error (logged with its trace).
    """

    async def guarded() -> None:
        await main(stop_on_signals())

    log = logs.get(service)
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(guarded())
    except ConfigurationError as error:
        return complain(service, error)
    except Exception:
        log.exception("ended by an error")
        return 1
    return 0


async def unless(stop: asyncio.Event, doing: Coroutine[Any, Any, None]) -> None:
    """Do it until `stop` is set; then it is cancelled. Raises what it raised."""
    task, stopped = asyncio.create_task(doing), asyncio.create_task(stop.wait())
    await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        task.result()
        return
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def complain(service: str, error: ConfigurationError) -> int:
    """Print a ConfigurationError for a person and return exit status 2."""
    print(f"{service}: cannot start\n{error}", file=sys.stderr)  # noqa: T201 - read at a terminal
    return 2
