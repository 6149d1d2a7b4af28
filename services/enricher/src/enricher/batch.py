"""Records that are done together, and all that came of them: what leaves, and which states to keep."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from enricher import checkpoints
from enricher.chunk import Outcome, RawRecord
from enricher.offsets import OffsetAccount
from enricher.partitions import key_hash
from enricher.publisher import Parcel
from enricher.sessions import AsOf, Overlay, Sessions
from eventrail.contract.v1.rejected_pb2 import RejectedEvent, RejectionReason
from eventrail.kafka.records import Record

_FAILED = RejectionReason.REJECTION_REASON_ENRICHMENT_FAILED


class Batch:
    """Records of one `generation`, in the order in which they were added, and what came of them so far."""

    def __init__(self, account: OffsetAccount, sessions: Sessions, generation: int) -> None:
        self._account = account
        self._sessions = sessions
        self._generation = generation
        self._overlays: dict[int, Overlay] = {}
        self._received_ms: dict[int, int] = defaultdict(int)
        self._records: list[RawRecord] = []
        self.outcomes: list[Outcome] = []
        self.is_crowded = False
        """Whether a state has so many checkpoints that a commit should let them go."""

    def is_wanted(self) -> bool:
        """Whether the generation goes on, so that the work is still ours."""
        return self._account.generation == self._generation

    def _overlay_of(self, partition: int) -> Overlay:
        if partition not in self._overlays:
            self._overlays[partition] = Overlay(self._sessions.of(partition).states)
        return self._overlays[partition]

    def overlay(self, record: RawRecord) -> Overlay:
        """The states as they are before `record`, on top of the records that were added.

        Where a replay finds a state that is ahead of `record`, it gets the one from before it.
        """
        return Overlay(AsOf(self._overlay_of(record.partition), record.offset))

    def add(self, record: RawRecord, outcome: Outcome) -> None:
        """Add a record with what came of it on top of `overlay(record)`."""
        self._write(self._overlay_of(record.partition), record, outcome.sessions)
        self._received_ms[record.partition] = max(self._received_ms[record.partition], outcome.received_ms)
        self._records.append(record)
        self.outcomes.append(outcome)

    def _write(self, values: Overlay, record: RawRecord, states: Overlay) -> None:
        committed = self._account.replay_starts().get(record.partition, 0)
        for key, state in states.written.items():
            value = checkpoints.added(values.get(key), record.offset, state, committed)
            values.put(key, value)
            if len(value) > checkpoints.CROWDED_BYTES:
                self.is_crowded = True

    def enriched(self) -> list[Record]:
        return [record for outcome in self.outcomes for record in outcome.enriched]

    def rejected(self) -> list[Record]:
        return [record for outcome in self.outcomes for record in outcome.rejected]

    @property
    def oldest_ms(self) -> int | None:
        """Acceptance of the record that was accepted first, in Unix milliseconds; None where none was enriched."""
        return min((outcome.received_ms for outcome in self.outcomes if outcome.received_ms), default=None)

    @property
    def judged(self) -> int:
        """Events that the breaker judges."""
        return sum(outcome.judged for outcome in self.outcomes)

    @property
    def faults(self) -> int:
        """How many of them failed by a fault of ours."""
        return sum(outcome.faults for outcome in self.outcomes)

    def complaint(self) -> str:
        """How many of the events fail, and why the first one does; holds no part of an event."""
        rejected = (RejectedEvent.FromString(record.value or b"") for record in self.rejected())
        why = next((found.detail for found in rejected if found.reason == _FAILED), "they break the contract")
        return f"{self.faults} of {self.judged} events fail, and none of them is rejected: {why}"

    def changes(self) -> Iterator[tuple[int, list[Record]]]:
        """Records for the changelog, by partition: the last state of each session."""
        for partition, overlay in self._overlays.items():
            at_ms = self._received_ms[partition]
            states = overlay.written.items()
            if states:
                yield partition, [Record(value, key, (), at_ms) for key, value in states]

    def keep(self) -> None:
        """All is acknowledged: mark the records as done and keep the states."""
        ends: dict[int, int] = {}
        for record in self._records:
            self._account.finish(record.generation, record.partition, record.offset)
            ends[record.partition] = record.offset + 1
        for partition, overlay in self._overlays.items():
            held = self._sessions.of(partition)
            held.states.update(overlay.written)
            held.passed(ends[partition], self._received_ms[partition], list(overlay.written))


def by_partition(topic: str, records: Sequence[Record], count: int) -> list[Parcel]:
    """`records` by the partition of their key; those without a key go to partition 0."""
    groups: dict[int, list[Record]] = defaultdict(list)
    for record in records:
        hashed = record.key_hash
        if hashed is None:
            hashed = key_hash(record.key) if record.key else 0
        groups[hashed % count].append(record)
    return [Parcel(topic, partition, group) for partition, group in groups.items()]
