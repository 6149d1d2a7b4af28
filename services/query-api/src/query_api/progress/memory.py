"""Progress in memory: what it tells is set by hand. Without that it knows nothing, as where Kafka was never asked."""

import asyncio
import contextlib
from collections.abc import Mapping

from query_api.progress.lag import Lag
from query_api.progress.tracked import NOT_ASKED


class MemoryProgress:
    """`through_ms` and `held` are what is answered; records before `settled`, by raw partition, are readable."""

    def __init__(
        self, through_ms: int | None = None, held: tuple[str, ...] | None = None, now_ms: int = 0
    ) -> None:
        self.through_ms = through_ms
        self.held = ((NOT_ASKED,) if through_ms is None else ()) if held is None else held
        self.now_ms = now_ms
        self._settled: dict[int, int] = {}
        self._next = asyncio.Event()

    def settle(self, offsets: Mapping[int, int]) -> None:
        """From now on the records before `offsets`, by raw partition, are readable."""
        self._settled |= offsets
        self._next.set()
        self._next = asyncio.Event()

    def data_through_ms(self) -> int | None:
        return self.through_ms

    def held_by(self) -> tuple[str, ...]:
        return self.held

    async def wait_for(self, offsets: Mapping[int, int], seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._reached(offsets):
                    await self._next.wait()
        return self._reached(offsets)

    def _reached(self, offsets: Mapping[int, int]) -> bool:
        return all(self._settled.get(at, 0) > offset for at, offset in offsets.items())

    def lag(self) -> Lag:
        return Lag(self.now_ms, None, self.through_ms, self.held)
