"""What the writer cannot store goes to `eventrail.rejected.v1`, with its bytes and where they came from."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from eventrail import __version__
from eventrail.contract import topics
from eventrail.contract.v1.rejected_pb2 import RejectedEvent, RejectionReason, Stage
from eventrail.errors import ContractError, KafkaUnavailable
from writer.batch import SourceRecord

DETAIL_CHARACTERS = 1024


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
    """Sends rejections and waits until the broker has them."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def send(self, rejections: Sequence[Rejection], now_ms: int) -> None:
        """Returns once each of `rejections` is acknowledged; sending them again makes copies, never a loss.

        Raises KafkaUnavailable where one was not acknowledged within the producer's request timeout.
        """
        try:
            await _all([await self._sent(rejection, now_ms) for rejection in rejections])
        except KafkaError as error:
            raise KafkaUnavailable(f"{topics.REJECTED.name}: not acknowledged: {error!r}") from error

    async def _sent(self, rejection: Rejection, now_ms: int) -> asyncio.Future[object]:
        try:
            return await self._put(rejection, message(rejection, now_ms))
        except MessageSizeTooLargeError:
            return await self._put(rejection, message(rejection, now_ms, with_original=False))

    async def _put(self, rejection: Rejection, event: RejectedEvent) -> asyncio.Future[object]:
        key = rejection.website_id.encode() or None
        sent: asyncio.Future[object] = await self._producer.send(
            topics.REJECTED.name, event.SerializeToString(), key=key
        )
        return sent


async def _all(sent: Iterable[asyncio.Future[object]]) -> None:
    # Every future is awaited, also after the first failed one: a failure nobody looked at is logged as a bug.
    for answer in await asyncio.gather(*sent, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
