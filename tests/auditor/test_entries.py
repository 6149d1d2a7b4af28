"""Records become entries, and records that are none become entries as well."""

from uuid import UUID

import pytest

from auditor.entries import NOWHERE, RawEntry, minute_of, raw_entries, reason_name, rejected_entry
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, RawPosition
from eventrail.contract.v1.raw_pb2 import RawEvents
from eventrail.contract.v1.rejected_pb2 import RejectedEvent, RejectionReason, Stage
from eventrail.rows.events import NIL, day
from tests.auditor.conftest import raw_event

ID = "0198c0de-0000-7000-8000-000000000001"


def test_each_event_of_a_chunk_is_an_entry() -> None:
    events = [raw_event(event_id=ID, received_at_ms=1_795_440_059_999, identity_day=20_000), raw_event()]
    first, second = raw_entries(3, 7, 9, 0, RawEvents(events=events).SerializeToString())
    assert first == RawEntry(1_795_440_000, 3, 7, 0, 9, "shop", "purchase", day(20_000), UUID(ID))
    assert (second.raw_offset, second.raw_index) == (7, 1)


@pytest.mark.parametrize("value", [None, b"", b"\xff\xff garbage", RawEvents().SerializeToString()])
def test_a_record_that_is_no_message_is_one_entry(value: bytes | None) -> None:
    (entry,) = raw_entries(0, 5, 1, 1_795_440_061_000, value)
    assert (entry.minute, entry.raw_index, entry.website_id, entry.event_id) == (1_795_440_060, -1, "", NIL)


def test_an_id_that_the_table_would_not_take() -> None:
    chunk = RawEvents(events=[raw_event(event_id="X" * 36)]).SerializeToString()
    (entry,) = raw_entries(0, 0, 1, 0, chunk)
    assert entry.event_id == NIL


@pytest.mark.parametrize(
    ("unix_ms", "minute"), [(-5, 0), (59_999, 0), (60_000, 60), (2**62, 4_294_967_280 - 0)]
)
def test_minutes_stay_within_the_column(unix_ms: int, minute: int) -> None:
    assert minute_of(unix_ms) == minute // 60 * 60


def test_the_enricher_tells_where_the_event_stood() -> None:
    event = RejectedEvent(
        stage=Stage.STAGE_ENRICHER,
        reason=RejectionReason.REJECTION_REASON_UNDECODABLE,
        source_topic="raw",
        source_partition=2,
        source_offset=8,
        source_index=-1,
        rejected_at_ms=61_000,
    )
    entry = rejected_entry(event.SerializeToString())
    assert entry is not None
    assert (entry.raw_partition, entry.raw_offset, entry.raw_index) == (2, 8, -1)
    assert (entry.stage, entry.reason, entry.minute, entry.event_id) == (1, "undecodable", 60, NIL)


@pytest.mark.parametrize(
    ("original", "place"),
    [
        (
            EnrichedEvent(raw_position=RawPosition(partition=1, offset=9, index=4)).SerializeToString(),
            (1, 9, 4),
        ),
        (EnrichedEvent(website_id="w").SerializeToString(), NOWHERE),
        (b"\xff\xff garbage", NOWHERE),
        (b"", NOWHERE),
    ],
)
def test_of_the_writers_rejections_the_bytes_tell_it(original: bytes, place: tuple[int, int, int]) -> None:
    event = RejectedEvent(stage=Stage.STAGE_WRITER, website_id="w", event_id=ID, original=original)
    entry = rejected_entry(event.SerializeToString())
    assert entry is not None
    assert entry[:3] == place
    assert (entry.website_id, entry.event_id) == ("w", UUID(ID))


def test_a_rejection_of_a_newer_version() -> None:
    entry = rejected_entry(RejectedEvent(stage=77, reason=99).SerializeToString())  # type: ignore[arg-type]
    assert entry is not None
    assert (entry.stage, entry.reason) == (Stage.STAGE_UNSPECIFIED, "99")
    assert reason_name(RejectionReason.REJECTION_REASON_TOO_LARGE) == "too_large"


def test_what_is_no_rejection() -> None:
    assert rejected_entry(b"\xff\xff") is None
    assert rejected_entry(None) is None
