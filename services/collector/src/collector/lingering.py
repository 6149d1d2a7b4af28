"""A transport whose close lets the last answer arrive.

Where a socket is closed while bytes of its peer are unread, TCP sends a reset, and the reset throws away the
answer that is under way (RFC 9112 section 9.6). So an answered connection is first closed for writing; what still
comes is read and dropped until the peer closes too, and after a time it is cut off.
"""

import asyncio
from typing import Any, Final

LINGER_SECONDS: Final = 2.0


class LingeringTransport(asyncio.Transport):
    """`inner`, with the close described above; its protocol has to call `ended` and `lost`."""

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._inner = inner
        self._loop = loop
        self._closing = False
        self._ended = False
        self._cut: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Send what is written, then end; cut off after LINGER_SECONDS, whatever the peer does."""
        if self._closing:
            return
        self._closing = True
        self._cut = self._loop.call_later(LINGER_SECONDS, self._inner.abort)
        if self._ended or self._inner.is_closing():
            self._inner.close()
        else:
            self._inner.write_eof()
            self._inner.resume_reading()

    def close_at_once(self) -> None:
        """End a connection that has nothing under way."""
        self._closing = True
        self._inner.close()

    def abort(self) -> None:
        self._closing = True
        self._inner.abort()

    def ended(self) -> None:
        """The peer sends nothing more."""
        self._ended = True

    def lost(self) -> None:
        """The connection is gone."""
        self._closing = True
        if self._cut is not None:
            self._cut.cancel()

    def is_closing(self) -> bool:
        return self._closing or self._inner.is_closing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._inner.write(data)

    def pause_reading(self) -> None:
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        if not self._closing:
            self._inner.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._inner.get_extra_info(name, default)
