"""What the writer cannot store goes to `eventrail.rejected.v1`, with its bytes and where they came from."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from eventrail import __version__
from eventrail.contract import topics
from eventrail.contract.v1.rejected_pb2 import RejectedEvent, RejectionReason, Stage
from eventrail.errors import ContractError, KafkaUnavailable
from eventrail.kafka.records import abandon
from writer.batch import SourceRecord
from writer.consumer import close

DETAIL_CHARACTERS = 1024

_SILENT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Rejection:
    """One record that is refused, why, and what could be read of it (empty where nothing could)."""

    record: SourceRecord
    reason: RejectionReason.ValueType
    detail: str
    website_id: str = ""
    event_id: str = ""


def of_contract_error(
    record: SourceRecord, error: ContractError, website_id: str = "", event_id: str = ""
) -> Rejection:
    """The rejection of a record that is no valid message (INVALID where it decodes, else UNDECODABLE)."""
    broken_rule = RejectionReason.REJECTION_REASON_INVALID
    reason = broken_rule if error.rule else RejectionReason.REJECTION_REASON_UNDECODABLE
    return Rejection(record, reason, str(error), website_id, event_id)


def reason_name(reason: RejectionReason.ValueType) -> str:
    """Short lower-case name of a reason, such as "undecodable"."""
    return RejectionReason.Name(reason).removeprefix("REJECTION_REASON_").lower()


def message(rejection: Rejection, now_ms: int, *, with_original: bool = True) -> RejectedEvent:
    """The record of the rejected topic; `now_ms` is Unix time in milliseconds.

    Without the original the detail says so: the bytes are then only at the source position.
    """
    record, detail = rejection.record, rejection.detail
    original = record.value or b""
    if not with_original:
        detail = f"{detail} (its {len(original)} bytes do not fit here: read them at the source position)"
        original = b""
    return RejectedEvent(
        stage=Stage.STAGE_WRITER,
        reason=rejection.reason,
        detail=detail[:DETAIL_CHARACTERS],
        rejected_at_ms=now_ms,
        source_topic=topics.ENRICHED.name,
        source_partition=record.partition,
        source_offset=record.offset,
        source_index=-1,
        website_id=rejection.website_id,
        event_id=rejection.event_id,
        original=original,
        original_key=record.key or b"" if with_original else b"",
        software_version=__version__,
    )


class RejectedTopic:
    """Sends rejections and waits until the broker has them.

    `connect` gives a started producer. After a fault the next send asks for another: an idempotent producer whose
    batch was refused once is refused for ever after (OutOfOrderSequenceNumber).
    """

    def __init__(self, connect: Callable[[], Awaitable[AIOKafkaProducer]]) -> None:
        self._connect = connect
        self._producer: AIOKafkaProducer | None = None

    async def connect(self) -> AIOKafkaProducer:
        """The producer; connects where there is none. Raises what `connect` raises, e.g. KafkaUnavailable."""
        if self._producer is None:
            self._producer = await self._connect()
        return self._producer

    async def close(self) -> None:
        """Close the connection; does nothing where there is none."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await close(producer)

    async def send(self, rejections: Sequence[Rejection], now_ms: int) -> None:
        """Returns once each of `rejections` is acknowledged; sending them again makes copies, never a loss.

        Raises KafkaUnavailable where one was refused, or where for 30 s none was acknowledged.
        """
        try:
            # Below min.insync.replicas aiokafka never gives a batch up by itself.
            async with asyncio.timeout(_SILENT_SECONDS) as limit:
                await self._deliver(rejections, now_ms, limit)
        except TimeoutError as error:
            await self._drop()
            why = f"{topics.REJECTED.name}: not acknowledged within {_SILENT_SECONDS:g} s"
            raise KafkaUnavailable(why) from error
        except KafkaError as error:
            await self._drop()
            raise KafkaUnavailable(f"{topics.REJECTED.name}: not acknowledged: {error!r}") from error

    async def _deliver(self, rejections: Sequence[Rejection], now_ms: int, limit: asyncio.Timeout) -> None:
        producer = await self.connect()
        sent = []
        for rejection in rejections:
            sent.append(await _sent(producer, rejection, now_ms))
            # After the first failure nobody awaits the others; asyncio would log theirs as a bug.
            sent[-1].add_done_callback(_look_at)
            _prolong(limit)
        for acknowledgement in sent:
            await acknowledgement
            _prolong(limit)

    async def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await abandon(producer)


async def _sent(producer: AIOKafkaProducer, rejection: Rejection, now_ms: int) -> asyncio.Future[object]:
    try:
        return await _put(producer, rejection, message(rejection, now_ms))
    except MessageSizeTooLargeError:
        return await _put(producer, rejection, message(rejection, now_ms, with_original=False))


async def _put(
    producer: AIOKafkaProducer, rejection: Rejection, event: RejectedEvent
) -> asyncio.Future[object]:
    key = rejection.website_id.encode() or None
    sent: asyncio.Future[object] = await producer.send(
        topics.REJECTED.name, event.SerializeToString(), key=key
    )
    return sent


def _prolong(limit: asyncio.Timeout) -> None:
    limit.reschedule(asyncio.get_running_loop().time() + _SILENT_SECONDS)


def _look_at(acknowledgement: asyncio.Future[object]) -> None:
    if not acknowledgement.cancelled():
        acknowledgement.exception()
