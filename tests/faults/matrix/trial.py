"""One run: load, blow, recovery, a midnight, and the comparison."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from clickhouse_driver.errors import Error as ClickHouseError

from devstack.ports import Address
from eventrail.clock import MS_PER_DAY
from tests.faults.matrix import observation
from tests.faults.matrix.blows import Plan
from tests.faults.matrix.comparison import Copies, Seen, copies, faults
from tests.faults.matrix.stack import ALWAYS, Stack, now_s
from tests.faults.matrix.traffic import Traffic

REQUESTS_PER_SECOND = float(os.environ.get("MATRIX_REQUESTS_PER_SECOND", "40"))
AFTER_S = 2.0
"""Load that goes on behind the blow, in seconds."""

RECOVERY_LIMIT_S = 120.0
ANSWER_LIMIT_S = 60.0
LEDGER_LIMIT_S = 60.0
_BEFORE_MIDNIGHT_MS = 12 * 60_000
_AFTER_MIDNIGHT_MS = 60_000


@dataclass
class Result:
    """What a run showed; `faults` is empty where every promise held."""

    seed: int
    kind: str
    words: str
    sent: int = 0
    accepted: int = 0
    in_flight: int = 0
    """Accepted and not yet queryable when the blow fell."""
    copies: Copies = field(default_factory=lambda: Copies(0, 0, 0, 0))
    recovered_s: float = 0.0
    """From the end of the blow until all is ready and what was accepted by then is queryable."""
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def hit(self) -> bool:
        return self.in_flight > 0


class Trial:
    """Runs one plan on a stack that is whole; leaves it whole again where nothing failed.

    `patience_s` is how long it waits for what was accepted to become queryable, after the blow and at the end.
    """

    def __init__(self, stack: Stack, plan: Plan, patience_s: float = RECOVERY_LIMIT_S) -> None:
        self._stack = stack
        self._plan = plan
        self._patience_s = patience_s
        self._result = Result(plan.seed, plan.kind, plan.words)
        self._traffic = Traffic(plan.seed, self._doors, REQUESTS_PER_SECOND, stack.now_ms)
        self._dropped: dict[int, float] = {}
        self._most: Counter[tuple[str, str]] = Counter()

    async def run(self) -> Result:
        """The result; whatever went wrong is in its `faults`."""
        began = now_s()
        try:
            async with asyncio.timeout(600):
                await self._run()
        except Exception as error:
            self._result.faults.append(f"{type(error).__name__}: {error}")
        self._result.seconds = now_s() - began
        return self._result

    async def _run(self) -> None:
        stack, traffic = self._stack, self._traffic
        self._evening()
        await stack.only(self._plan.services)
        begins = await observation.ends(stack.kafka)
        deaths = len(stack.deaths)
        async with self._watching():
            load = asyncio.create_task(traffic.run())
            await asyncio.sleep(self._plan.at_s)
            await self._note_in_flight()
            await self._plan.strike(stack)
            ended = now_s()
            before = traffic.accepted
            await self._recover(before)
            self._result.recovered_s = now_s() - ended
            await asyncio.sleep(AFTER_S)
            traffic.stop()
            await asyncio.wait_for(load, ANSWER_LIMIT_S)
            await self._midnight()
            await self._settle()
        self._result.faults += stack.deaths[deaths:]
        topics = await self._compare(begins)
        if not self._result.faults:
            await self._balance(topics)
        await stack.only(ALWAYS)

    def _doors(self) -> list[Address]:
        names = [name for name in self._plan.services if name.startswith("collector")]
        return [self._stack.address(name) for name in names]

    async def _note_in_flight(self) -> None:
        accepted = self._traffic.accepted
        self._result.in_flight = len(accepted - await self._visible())

    async def _visible(self) -> set[str]:
        with suppress(ClickHouseError, OSError, EOFError):
            return await observation.visible(self._stack, self._traffic.websites)
        return set()

    async def _recover(self, accepted: set[str]) -> None:
        """As a supervisor does: what has ended is started again; then wait until all is well."""
        end = now_s() + self._patience_s
        while True:
            for name in ("kafka", "clickhouse", *self._plan.services):
                if not self._stack.members[name].alive:
                    await self._stack.start(name)
            if accepted <= await self._visible():
                break
            if now_s() > end:
                self._result.faults.append(f"not recovered in {self._patience_s:g} s")
                break
            await asyncio.sleep(0.2)
        for name in self._stack.alive():
            await self._stack.ready(name)

    def _evening(self) -> None:
        """Each run takes place before a midnight of its own."""
        midnight_ms = (self._stack.now_ms() // MS_PER_DAY + 1) * MS_PER_DAY
        self._stack.set_clocks(midnight_ms - _BEFORE_MIDNIGHT_MS)

    async def _midnight(self) -> None:
        """The clocks of all services are moved into the next day, and some ids come once more."""
        midnight_ms = (self._stack.now_ms() // MS_PER_DAY + 1) * MS_PER_DAY
        self._stack.set_clocks(midnight_ms + _AFTER_MIDNIGHT_MS)
        self._traffic.again()
        await asyncio.wait_for(self._traffic.answered(), ANSWER_LIMIT_S)

    async def _settle(self) -> None:
        """Wait until all that was accepted is queryable and nothing is on its way."""
        end = now_s() + self._patience_s
        while not (await self._complete() and await self._drained()):
            if now_s() > end:
                self._result.faults.append(f"not all was queryable in {self._patience_s:g} s")
                break
            await asyncio.sleep(0.2)

    async def _complete(self) -> bool:
        return self._traffic.accepted <= await self._visible()

    async def _drained(self) -> bool:
        """Whether enricher and writer have committed all that stands on their topics."""
        return await observation.drained(self._stack)

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """Asks the list while the run lasts: no count may ever be too high."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _watch(self) -> None:
        while True:
            counts = await observation.listed(self._stack, self._traffic.websites)
            sent = Counter(
                (found.website, found.name)
                for found in self._traffic.sent.values()
                if found.first_sent is not None
            )
            for key, count in (counts or {}).items():
                if count > sent[key]:
                    self._result.faults.append(f"the list counted {count} of {key}, {sent[key]} were sent")
            await self._note_dropped()
            await asyncio.sleep(1)

    async def _note_dropped(self) -> None:
        """What each writer's memory has dropped so far, by process."""
        for name in self._stack.alive("writer"):
            member = self._stack.members[name]
            with suppress(httpx.HTTPError):
                count = await observation.metric(member.address, "eventrail_writer_duplicates_total")
                if member.run is not None:
                    self._dropped[member.run.pid] = count

    async def _compare(self, begins: observation.Offsets) -> observation.Topics:
        websites = self._traffic.websites
        answers = await observation.ask(self._stack, websites)
        topics = await observation.read_topics(self._stack, begins, websites)
        stored, _ = await observation.stored(self._stack, websites)
        sent = self._traffic.sent
        self._result.faults += faults(sent, Seen(answers, topics, stored))
        self._result.sent = len(sent)
        self._result.accepted = len(self._traffic.accepted)
        dropped = int(sum(self._dropped.values()))
        self._result.copies = copies(topics, dropped)
        return topics

    async def _balance(self, topics: observation.Topics) -> None:
        """The ledger comes to rest: it knows each event of the raw topic, and what became of it."""
        events, unique = len(topics.raw), len(set(topics.raw.values()))
        told: dict[str, Any] = {}
        end = now_s() + LEDGER_LIMIT_S
        while now_s() < end:
            told = await observation.ledger(self._stack)
            totals = told["totals"]
            known = totals["raw"]["accepted"] == events and totals["writer"]["stored"] == unique
            if known and told["unaccounted"] == 0 and told["in_flight"] == 0:
                return
            await asyncio.sleep(0.5)
        told.pop("minutes")
        self._result.faults.append(
            f"the ledger does not balance: {events} events, {unique} of them different, but {told}"
        )
