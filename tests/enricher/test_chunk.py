from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from enricher import pipeline
from enricher.chunk import Outcome, RawRecord, process
from enricher.lookups.salts import DaySalts, SaltMissing
from enricher.sessions import Overlay
from enricher.world import World
from eventrail.contract.codec import TRACEPARENT_HEADER, decode, decode_enriched
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.contract.v1.rejected_pb2 import RejectedEvent, RejectionReason
from eventrail.kafka.records import MAX_BATCH_BYTES
from eventrail.sealing import AddressOpener, UnknownKey

LATER = 1_780_056_000_000 + 5000

Make = Callable[..., RawEvent]


def record(*events: RawEvent) -> RawRecord:
    return RawRecord(2, 40, 1, None, RawEvents(events=events).SerializeToString())


def reasons(outcome: Outcome) -> list[str]:
    names = [
        RejectionReason.Name(decode(RejectedEvent, found.value).reason).removeprefix("REJECTION_REASON_")
        for found in outcome.rejected
    ]
    assert [f"REJECTION_REASON_{name}" for name in names] == outcome.reasons
    return names


def test_each_event_becomes_one_record_in_the_order_of_the_chunk(world: World, make_raw: Make) -> None:
    events = [make_raw(number, visitor_id=f"v{number}") for number in range(3)]
    outcome = process(record(*events), Overlay({}), world, LATER)
    enriched = [decode_enriched(found.value) for found in outcome.enriched]
    assert [event.event_id for event in enriched] == [event.event_id for event in events]
    assert [event.raw_position.index for event in enriched] == [0, 1, 2]
    assert {(event.raw_position.partition, event.raw_position.offset) for event in enriched} == {(2, 40)}
    assert [found.key for found in outcome.enriched] == [b"v0", b"v1", b"v2"]
    assert dict(outcome.enriched[0].headers)["ce_id"] == events[0].event_id.encode()
    assert {found.timestamp_ms for found in outcome.enriched} == {events[0].received_at_ms}
    assert (outcome.events, outcome.rejected, outcome.received_ms) == (3, [], events[0].received_at_ms)


def test_states_are_written_to_the_overlay_and_read_from_it(world: World, make_raw: Make) -> None:
    first = process(record(make_raw(1, visitor_id="v")), Overlay({}), world, LATER)
    assert len(first.sessions.written) == 1
    second = process(record(make_raw(2, visitor_id="v")), Overlay(first.sessions.written), world, LATER)
    sessions = {decode_enriched(found.value).session_id for found in first.enriched + second.enriched}
    assert len(sessions) == 1


def test_the_same_record_and_states_give_the_same_bytes(world: World, make_raw: Make) -> None:
    chunk = record(*(make_raw(number) for number in range(5)))
    assert (
        process(chunk, Overlay({}), world, LATER).enriched
        == process(chunk, Overlay({}), world, LATER).enriched
    )


@pytest.mark.parametrize("value", [b"\xff\xff", b"\x0a\x05ab", None])
def test_what_is_no_message_is_rejected_whole(world: World, value: bytes | None) -> None:
    outcome = process(RawRecord(2, 40, 1, b"k", value), Overlay({}), world, LATER)
    assert reasons(outcome) == ["UNDECODABLE"]
    assert (outcome.enriched, outcome.events) == ([], 0)
    rejected = decode(RejectedEvent, outcome.rejected[0].value)
    assert (rejected.source_partition, rejected.source_offset, rejected.source_index) == (2, 40, -1)


def test_an_empty_chunk_breaks_a_rule(world: World) -> None:
    assert reasons(process(record(), Overlay({}), world, LATER)) == ["INVALID"]


def test_one_bad_event_does_not_touch_the_others(world: World, make_raw: Make) -> None:
    events = [make_raw(1), make_raw(2, event_name=""), make_raw(3)]
    outcome = process(record(*events), Overlay({}), world, LATER)
    assert [decode_enriched(found.value).event_id for found in outcome.enriched] == [
        events[0].event_id,
        events[2].event_id,
    ]
    assert reasons(outcome) == ["INVALID"]
    assert decode(RejectedEvent, outcome.rejected[0].value).source_index == 1


def test_a_failing_step_rejects_its_event_without_a_word_of_it(
    world: World, make_raw: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add_trouble(draft: Any, _world: World) -> None:
        if draft.raw.event_name == "trouble":
            raise RuntimeError(f"secret {draft.raw.event_name}")

    monkeypatch.setattr(pipeline, "STEPS", (*pipeline.STEPS, add_trouble))
    outcome = process(record(make_raw(1, event_name="trouble"), make_raw(2)), Overlay({}), world, LATER)
    assert reasons(outcome) == ["ENRICHMENT_FAILED"]
    assert decode(RejectedEvent, outcome.rejected[0].value).detail == "add_trouble failed with RuntimeError"
    assert len(outcome.enriched) == 1


def test_an_event_that_fits_into_no_record_is_rejected(world: World, make_raw: Make) -> None:
    huge = make_raw(1, event_data="x" * MAX_BATCH_BYTES)
    outcome = process(record(huge, make_raw(2)), Overlay({}), world, LATER)
    assert reasons(outcome) == ["TOO_LARGE"]
    assert len(outcome.enriched) == 1
    assert len(outcome.rejected[0].value or b"") < MAX_BATCH_BYTES


def test_a_record_is_never_dated_into_the_future(world: World, make_raw: Make) -> None:
    outcome = process(record(make_raw(1, received_at_ms=LATER * 2)), Overlay({}), world, LATER)
    assert (outcome.enriched[0].timestamp_ms, outcome.received_ms) == (LATER, LATER)


def test_a_record_that_was_accepted_long_ago_is_not_removed_before_it_is_read(
    world: World, make_raw: Make
) -> None:
    # From a spool that waited for weeks, or by a collector whose clock is years behind.
    for received_at_ms in (LATER - 30 * 86_400_000, 1):
        raw = make_raw(1, received_at_ms=received_at_ms)
        outcome = process(record(raw), Overlay({}), world, LATER)
        assert LATER - 2 * 86_400_000 < (outcome.enriched[0].timestamp_ms or 0) <= LATER
        assert decode_enriched(outcome.enriched[0].value).received_at_ms == received_at_ms


def test_a_salt_that_is_to_come_stops_the_whole_record(world: World, make_raw: Make) -> None:
    sessions = Overlay({})
    with pytest.raises(SaltMissing):
        process(
            record(make_raw(1, visitor_id="v"), make_raw(2)),
            sessions,
            replace(world, salts=DaySalts()),
            LATER,
        )


def test_a_missing_key_stops_the_whole_record(world: World, make_raw: Make) -> None:
    blind = replace(world, addresses=AddressOpener({"other": bytes(32)}))
    with pytest.raises(UnknownKey, match="k1"):
        process(record(make_raw(1, address=None), make_raw(2)), Overlay({}), blind, LATER)


def test_the_context_of_a_traced_request_is_the_last_header_and_the_same_in_every_copy(
    world: World, make_raw: Make
) -> None:
    context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    chunk = record(make_raw(1, traceparent=context), make_raw(2))
    outcomes = [process(chunk, Overlay({}), world, LATER) for _ in range(2)]
    traced, other = outcomes[0].enriched
    assert traced.headers[-1] == (TRACEPARENT_HEADER, context.encode())
    assert TRACEPARENT_HEADER not in dict(other.headers)
    assert outcomes[0].traced == [context]
    assert outcomes[0].enriched == outcomes[1].enriched
