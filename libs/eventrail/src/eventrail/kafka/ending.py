"""A Kafka client is ended, whatever the broker does meanwhile."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

SECONDS: Final = 5.0
"""How long an end may take."""


async def end(stop: Coroutine[Any, Any, None], seconds: float = SECONDS) -> None:
    """Await `stop` (a client's `stop()`), for at most `seconds`; what it raises is dropped.

    With a broker that is away aiokafka's consumer may raise the CancelledError of its own task, which must not pass
    for ours, and its producer waits without end for what it still holds.
    """
    stopping = asyncio.ensure_future(stop)
    done, late = await asyncio.wait([stopping], timeout=seconds)
    for task in late:
        task.cancel()
    for task in done:
        if not task.cancelled():
            task.exception()
