from collections.abc import Callable

from enricher.rejections import Origin, event_rejected, record_rejected
from eventrail import __version__
from eventrail.contract.codec import decode
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.contract.v1.rejected_pb2 import RejectedEvent, RejectionReason, Stage
from eventrail.kafka.records import MAX_BATCH_BYTES

UNDECODABLE = RejectionReason.REJECTION_REASON_UNDECODABLE
INVALID = RejectionReason.REJECTION_REASON_INVALID


def test_a_rejected_record_has_its_bytes_its_key_and_its_place() -> None:
    record = record_rejected(b"\xff", b"key", UNDECODABLE, Origin(3, 14), "no message", 1000)
    assert (record.key, record.timestamp_ms) == (None, 1000)
    assert decode(RejectedEvent, record.value) == RejectedEvent(
        stage=Stage.STAGE_ENRICHER,
        reason=UNDECODABLE,
        detail="no message",
        rejected_at_ms=1000,
        source_topic="eventrail.raw.v1",
        source_partition=3,
        source_offset=14,
        source_index=-1,
        original=b"\xff",
        original_key=b"key",
        software_version=__version__,
    )


def test_a_rejected_event_can_be_done_again_from_its_bytes(make_raw: Callable[..., RawEvent]) -> None:
    event = make_raw(7)
    record = event_rejected(event, INVALID, Origin(3, 14, 2), "a rule", 1000)
    rejected = decode(RejectedEvent, record.value)
    assert record.key == b"shop"
    assert (rejected.website_id, rejected.event_id) == (event.website_id, event.event_id)
    assert rejected.source_index == 2
    assert decode(RawEvent, rejected.original) == event


def test_a_record_without_a_value_is_rejected_with_no_bytes() -> None:
    record = record_rejected(None, None, UNDECODABLE, Origin(0, 0), "no value", 1)
    rejected = decode(RejectedEvent, record.value)
    assert (rejected.original, rejected.original_key) == (b"", b"")


def test_a_detail_has_at_most_1024_characters() -> None:
    record = record_rejected(b"", None, UNDECODABLE, Origin(0, 0), "é" * 5000, 1)
    assert len(decode(RejectedEvent, record.value).detail) == 1024


def test_bytes_that_would_not_fit_into_a_record_are_cut_and_it_is_said() -> None:
    record = record_rejected(b"x" * MAX_BATCH_BYTES, b"k" * 64, UNDECODABLE, Origin(0, 0), "no message", 1)
    rejected = decode(RejectedEvent, record.value)
    assert len(record.value or b"") < MAX_BATCH_BYTES - 4096
    assert rejected.detail.startswith(f"(first {len(rejected.original)} of {MAX_BATCH_BYTES} bytes are kept)")
