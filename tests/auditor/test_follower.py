"""What is committed when: the reading itself is tested on a real broker."""

from typing import Any
from unittest.mock import AsyncMock

from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from auditor.books import Books
from auditor.checkpoints import Checkpoints
from auditor.follower import Follower
from auditor.metrics import metrics
from auditor.rounds import Minutes
from auditor.settings import AuditorSettings
from auditor.sources import Names
from eventrail.clock import ManualClock
from eventrail.settings import KafkaSettings

HOUR = 3600.0


class Idle:
    """A consumer of topics in which nothing happens; each poll takes half an hour."""

    def __init__(self, books: Books, clock: ManualClock, polls: int) -> None:
        self.commit = AsyncMock()
        self._books, self._clock, self._polls = books, clock, polls

    async def getmany(self, **_: object) -> dict[TopicPartition, list[Any]]:
        self._clock.advance(HOUR / 2)
        self._polls -= 1
        if not self._polls:
            self._books.anew.set()
        return {}


async def test_partitions_in_which_nothing_happens_are_committed_now_and_then() -> None:
    clock, names = ManualClock(), Names()
    books = Books(Minutes(100, 10, 48), Checkpoints(0))
    books.raw, books.rejected = {0: 10, 1: 0}, {0: 3}
    unused: Any = None
    follower = Follower(
        KafkaSettings(),
        AuditorSettings(),
        names,
        unused,
        books,
        unused,
        metrics(CollectorRegistry()),
        clock,
    )
    consumer: Any = Idle(books, clock, polls=2)
    await follower._commit_all(consumer)
    await follower._read(consumer)
    everything = {
        TopicPartition(names.raw, 0): 10,
        TopicPartition(names.raw, 1): 0,
        TopicPartition(names.rejected, 0): 3,
    }
    assert [call.args[0] for call in consumer.commit.call_args_list] == [everything] * 2
