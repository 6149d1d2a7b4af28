"""The HTTP side of a stream: headers, a client that hangs up, one that takes nothing."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from typing import Final

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from eventrail import logs

_HEADERS: Final = {
    "Cache-Control": "no-store",
    # nginx would hold messages back until it has a buffer full of them.
    "X-Accel-Buffering": "no",
}
_log = logs.get(__name__)


class EventStream(StreamingResponse):
    """Sends `messages` as they come and calls `left` at the end, however it comes.

    A client that hangs up ends it at once; one that takes nothing for `stall_seconds` loses its connection.
    """

    media_type = "text/event-stream"

    def __init__(
        self, messages: AsyncGenerator[bytes, None], left: Callable[[], None], stall_seconds: float
    ) -> None:
        super().__init__(messages, headers=_HEADERS)
        self._messages = messages
        self._left = left
        self._stall_seconds = stall_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with aclosing(self._messages):
                await super().__call__(scope, receive, send)
        finally:
            self._left()

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(partial(self._in_time, send))
        except TimeoutError:
            _log.warning("a live stream was ended: its client took nothing", seconds=self._stall_seconds)

    async def _in_time(self, send: Send, message: Message) -> None:
        async with asyncio.timeout(self._stall_seconds):
            await send(message)
