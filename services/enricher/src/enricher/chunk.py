"""One record of the raw topic becomes enriched records and rejected ones: pure, so it can be done again."""

from dataclasses import dataclass, field, replace

from enricher.fragments import positions
from enricher.lookups.salts import SaltMissing
from enricher.outgoing import written
from enricher.pipeline import enrich
from enricher.rejections import Origin, event_rejected, record_rejected
from enricher.sessions import Overlay
from enricher.world import World
from eventrail.contract.codec import TRACEPARENT_HEADER, decode_raw, headers_of, key_of
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.contract.v1.rejected_pb2 import RejectionReason
from eventrail.errors import ContractError, EventrailError
from eventrail.kafka.records import MAX_BATCH_BYTES, Record
from eventrail.sealing import UnknownKey

_LARGEST_VALUE = MAX_BATCH_BYTES - 4096
"""Key, headers and Kafka's framing of a batch with this one record take less than what is left."""

_OLDEST_MS = 24 * 3_600_000
"""A record is dated by acceptance, so that retention is not in a client's hands, but never into the future, which the
broker refuses, and back by a day at most: what waited longer, or met a collector with a wrong clock, is still kept for
days after it was published."""


_FAULTS_OF_OURS = frozenset(
    RejectionReason.Name(reason)
    for reason in (
        RejectionReason.REJECTION_REASON_UNDECODABLE,
        RejectionReason.REJECTION_REASON_INVALID,
        RejectionReason.REJECTION_REASON_ENRICHMENT_FAILED,
    )
)
"""The collector lets only valid events in, so each of these is a mistake among us; sizes are in clients' hands."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record of the raw topic as it was fetched in a generation of the consumer group."""

    partition: int
    offset: int
    generation: int
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class Outcome:
    """What came of one record: events read from it, records to publish, and the session states to keep.

    `received_ms` is the latest acceptance time among its events, never after the time it was processed. `traced` are
    the contexts of events whose requests are traced.
    """

    sessions: Overlay
    events: int = 0
    received_ms: int = 0
    enriched: list[Record] = field(default_factory=list)
    rejected: list[Record] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    traced: list[str] = field(default_factory=list)

    @property
    def judged(self) -> int:
        """Events that the breaker judges; a record that cannot be decoded counts as one."""
        return max(self.events, len(self.reasons))

    @property
    def faults(self) -> int:
        """How many of them failed by a fault of ours."""
        return sum(reason in _FAULTS_OF_OURS for reason in self.reasons)

    def refuse(self, reason: RejectionReason.ValueType, record: Record) -> None:
        self.reasons.append(RejectionReason.Name(reason))
        self.rejected.append(record)


def process(record: RawRecord, sessions: Overlay, world: World, now_ms: int) -> Outcome:
    """Enrich each event of `record` on top of `sessions`.

    `world.sessions` is not used. Raises UnknownKey where an address cannot be opened, SaltMissing where the salt of
    an event's day is still to come: nothing of the record was done then. Whatever else is wrong with an event, or
    with the record, is in the rejected records.
    """
    outcome = Outcome(sessions)
    try:
        events = decode_raw(record.value)
    except ContractError as error:
        _refuse_record(record, error, outcome, now_ms)
        return outcome
    here = replace(world, sessions=sessions)
    outcome.events = len(events)
    stood = positions(record.partition, record.offset)
    for index, (event, position) in enumerate(zip(events, stood, strict=False)):
        try:
            _enrich(event, position, here, outcome, now_ms)
        except (UnknownKey, SaltMissing):
            raise
        except Exception as error:
            # Whatever one event breaks must not stop the stream.
            _refuse(event, Origin(record.partition, record.offset, index), error, outcome, now_ms)
    return outcome


def _refuse_record(record: RawRecord, error: ContractError, outcome: Outcome, now_ms: int) -> None:
    origin = Origin(record.partition, record.offset)
    reason = (
        RejectionReason.REJECTION_REASON_INVALID
        if error.rule
        else RejectionReason.REJECTION_REASON_UNDECODABLE
    )
    outcome.refuse(reason, record_rejected(record.value, record.key, reason, origin, str(error), now_ms))


class _TooLarge(Exception):
    """The enriched record does not fit into a batch."""


def _enrich(event: RawEvent, position: bytes, world: World, outcome: Outcome, now_ms: int) -> None:
    draft = enrich(event, position, world)
    value = written(draft)
    if len(value) > _LARGEST_VALUE:
        raise _TooLarge(f"the enriched event has {len(value)} bytes, at most {_LARGEST_VALUE} fit")
    raw = draft.raw
    accepted_ms = raw.received_at_ms
    if accepted_ms > now_ms:
        accepted_ms = now_ms
    if accepted_ms > outcome.received_ms:
        outcome.received_ms = accepted_ms
    # Dated before the topic's retention, it would be removed at once, read or not.
    oldest_ms = now_ms - _OLDEST_MS
    dated_ms = max(oldest_ms, accepted_ms)
    headers = headers_of(raw.website_id, raw.event_id, raw.timestamp_ms)
    if raw.traceparent:
        headers.append((TRACEPARENT_HEADER, raw.traceparent.encode()))
        outcome.traced.append(raw.traceparent)
    visitor = draft.visitor
    if visitor is None:
        made = Record(value, key_of("", raw.event_id), headers, dated_ms)
    else:
        made = Record(value, visitor.record_key, headers, dated_ms, visitor.record_hash)
    outcome.enriched.append(made)


def _refuse(event: RawEvent, origin: Origin, error: Exception, outcome: Outcome, now_ms: int) -> None:
    reason = _reason(error)
    # A foreign error's text may quote the event.
    is_ours = isinstance(error, (EventrailError, _TooLarge))
    detail = str(error) if is_ours else type(error).__name__
    outcome.refuse(reason, event_rejected(event, reason, origin, detail, now_ms))


def _reason(error: Exception) -> RejectionReason.ValueType:
    if isinstance(error, ContractError):
        return RejectionReason.REJECTION_REASON_INVALID
    if isinstance(error, _TooLarge):
        return RejectionReason.REJECTION_REASON_TOO_LARGE
    return RejectionReason.REJECTION_REASON_ENRICHMENT_FAILED
