"""Tells Kafka, each second, that there is a spool and what it holds (docs/data-through.md).

Through a connection of its own: a broker that does not take the reports costs no event its answer.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from collector.sinks.connection import Connection, Session
from collector.sinks.spool_registration import Registration
from eventrail import logs
from eventrail.contract.topics import SPOOLS
from eventrail.errors import KafkaUnavailable
from eventrail.kafka import records
from eventrail.spools.reports import report

_log = logs.get(__name__)

EVERY_SECONDS: Final = 1.0


class SpoolReports:
    """Reports through `connection`, which it owns; use it inside the running loop, `open` it first.

    `events` tells what is in the spool, or on its way into it, or may still be got out of a damaged file, now.
    All times are in seconds; `patience` is how long a report may wait for Kafka's acknowledgement.
    """

    def __init__(
        self,
        registration: Registration,
        connection: Connection,
        events: Callable[[], int],
        host: str,
        *,
        patience: float = 10.0,
        every: float = EVERY_SECONDS,
    ) -> None:
        self._registration = registration
        self._connection = connection
        self._events = events
        self._host = host
        self._patience = patience
        self._every = every
        self._acknowledged: int | None = None
        """Offset of the last report of this process that Kafka has acknowledged."""
        self._fault: str | None = None
        self._reporting: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Start to report; returns at once."""
        self._connection.open()
        self._reporting = asyncio.create_task(self._run())

    def registered(self) -> bool:
        """Whether an answer may rest on the spool: Kafka has been told that it is there."""
        return self._registration.marked

    def trouble(self) -> str | None:
        """Why the spool is not registered, in one line; None where it is."""
        if self.registered():
            return None
        return self._fault or self._connection.trouble or "Kafka has not acknowledged it yet"

    async def close(self, *, empty: bool) -> None:
        """Report no more; with an `empty` spool, which takes no events any more, take the registration back."""
        if self._reporting is not None:
            self._reporting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reporting
        if empty:
            await self._take_back()
        await self._connection.close()

    async def _take_back(self) -> None:
        try:
            name = await asyncio.to_thread(self._registration.id)
            await asyncio.to_thread(self._registration.unmark)
        except OSError as error:
            self._fails(f"its folder cannot be written: {error}")
            return
        session = self._connection.session
        if session is None or await self._sent(session, records.Record(None, key=name.encode())) is None:
            _log.warning(
                "the empty spool stays registered: data_through waits for its next start",
                spool=name,
                hint=_HINT,
            )

    async def _run(self) -> None:
        while True:
            session = self._connection.session
            if session is not None and not session.broken:
                await self._report(session)
            await asyncio.sleep(self._every)

    async def _report(self, session: Session) -> None:
        try:
            name = await asyncio.to_thread(self._registration.id)
            # Formed at this moment and not earlier: what it says is true after the report that it names.
            value = report(self._events(), self._acknowledged, self._host)
            offset = await self._sent(session, records.Record(value, key=name.encode()))
            if offset is not None:
                self._acknowledged = offset if offset >= 0 else self._acknowledged
                await asyncio.to_thread(self._registration.mark)
                self._fault = None
        except OSError as error:
            self._fails(f"its folder cannot be written: {error}")

    async def _sent(self, session: Session, record: records.Record) -> int | None:
        """The offset; None where it was not acknowledged, and then it may still arrive."""
        try:
            async with asyncio.timeout(self._patience):
                done = await records.send(session.producer, SPOOLS.name, 0, [record])
        except TimeoutError:
            reason = f"a report was not acknowledged within {self._patience:g} s"
        except KafkaUnavailable as error:
            reason = str(error)
        except Exception as error:  # a fault of the client library ends no more than this report
            reason = repr(error)
        else:
            return done[0].offset
        self._connection.replace(session, reason)
        return None

    def _fails(self, reason: str) -> None:
        if self._fault != reason:
            _log.error("the spool cannot be registered", reason=reason)
        self._fault = reason


_HINT: Final = "python -m eventrail spools forget"
