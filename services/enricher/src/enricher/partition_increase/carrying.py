"""Live session states are written to the changelog partitions of the visitors' new raw partitions."""

from collections.abc import Iterator

from aiokafka import AIOKafkaProducer

from enricher import checkpoints
from enricher.changelog import load
from enricher.enrichments.session_state import expired
from enricher.partition_increase.plan import Plan
from enricher.sessions import PartitionSessions, Sessions
from eventrail.contract.topics import SESSIONS_CHANGELOG
from eventrail.kafka.records import Record, send
from eventrail.settings import KafkaSettings

_BEFORE_ALL = -1
"""The offset of a state that no record of its partition has changed yet."""


async def carry(kafka: KafkaSettings, sender: AIOKafkaProducer, plan: Plan, now_ms: int) -> int:
    """Write what is live at `now_ms` (Unix milliseconds) to the heirs of each partition; returns how many states live.

    A partition's states are held in memory at a time. What is written twice counts once. Raises KafkaUnavailable.
    """
    carried = 0
    for partition in range(plan.old):
        sessions = Sessions()
        await load(kafka, SESSIONS_CHANGELOG.name, sessions, [partition])
        states = dict(_live(sessions.of(partition), now_ms))
        for heir in plan.heirs(partition):
            records = (Record(value, key=key) for key, value in states.items())
            await send(sender, SESSIONS_CHANGELOG.name, heir, records)
        carried += len(states)
    return carried


def _live(held: PartitionSessions, now_ms: int) -> Iterator[tuple[bytes, bytes]]:
    """Newest states, each alone in its value: offsets of another partition say nothing in the new one."""
    for key, value in held.states.items():
        state = checkpoints.newest(value)
        if state is not None and not expired(state, now_ms):
            yield key, checkpoints.added(None, _BEFORE_ALL, state, _BEFORE_ALL)
