"""The checks behind `/readyz`: cheap, and each backend is asked at most once a second."""

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from eventrail.errors import EventrailError
from eventrail.health import OK, Cached, Check, Health
from writer.consumer import require_topics
from writer.table import Table
from writer.waiting import Cause, Waiting


class Readiness:
    """Ready when Kafka and ClickHouse are; `consumer` is set while there is one."""

    def __init__(self, table: Table, waiting: Waiting) -> None:
        self._table = table
        self._waiting = waiting
        self.consumer: AIOKafkaConsumer | None = None

    def health(self, monotonic: Callable[[], float]) -> Health:
        """The checks `kafka`, `clickhouse` and `breaker`, all required."""
        checks: dict[str, Check] = {
            "kafka": Cached(self.kafka, monotonic),
            "clickhouse": Cached(self.clickhouse, monotonic),
            "breaker": self.breaker,
        }
        return Health(checks, frozenset(checks))

    async def kafka(self) -> str:
        """Whether the broker answers and has the topics."""
        return self._waiting.why(Cause.KAFKA) or await _answer(self._ask_kafka)

    async def clickhouse(self) -> str:
        """Whether the engine answers, and takes the writer's inserts."""
        held = self._waiting.why(Cause.TABLE, Cause.CLICKHOUSE)
        return held or await _answer(lambda: asyncio.to_thread(self._table.verify))

    async def breaker(self) -> str:
        """Whether the line moves, or is held because too many records are bad."""
        return self._waiting.why(Cause.BREAKER) or OK

    async def _ask_kafka(self) -> None:
        if self.consumer is None:
            raise EventrailError("not connected yet")
        await require_topics(self.consumer)


async def _answer(ask: Callable[[], Awaitable[None]]) -> str:
    try:
        await ask()
    except (EventrailError, KafkaError) as error:
        return str(error)
    return OK
