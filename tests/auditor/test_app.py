"""The auditor on a real broker and engine, with enricher and writer played by hand."""

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from eventrail.contract import topics
from eventrail.contract.v1.rejected_pb2 import RejectedEvent, RejectionReason, Stage
from eventrail.kafka.admin import admin
from tests.auditor.conftest import River, passes, raw_event, until

pytestmark = pytest.mark.stack


async def test_each_event_has_one_outcome_and_the_books_balance(river: River) -> None:
    plain = await river.accept(raw_event(), raw_event(), raw_event(event_type=2, event_name=""))
    again = await river.accept(plain.events[0], partition=1)
    refused = await river.accept(raw_event(), raw_event())
    garbage = await river.put_raw(b"\xff\xff no message")
    unstorable = await river.accept(raw_event(event_id="X" * 36), raw_event())
    await river.carry(plain, again)
    await river.reject(
        RejectedEvent(
            stage=Stage.STAGE_ENRICHER,
            reason=RejectionReason.REJECTION_REASON_INVALID,
            source_topic=river.names.raw,
            source_offset=refused.offset,
            source_index=1,
            event_id=refused.events[1].event_id,
        )
    )
    await river.reject(
        RejectedEvent(
            stage=Stage.STAGE_ENRICHER,
            reason=RejectionReason.REJECTION_REASON_UNDECODABLE,
            source_topic=river.names.raw,
            source_offset=garbage,
            source_index=-1,
        )
    )
    for event in unstorable.enriched():
        await river.reject(
            RejectedEvent(
                stage=Stage.STAGE_WRITER,
                reason=RejectionReason.REJECTION_REASON_INVALID,
                source_topic=river.names.enriched,
                website_id=event.website_id,
                event_id=event.event_id,
                # Without the bytes the identity has to do.
                original=event.SerializeToString() if event.event_id.startswith("X") else b"",
            )
        )
    await asyncio.to_thread(river.store, type(refused)(0, refused.offset, refused.events[:1]))
    await river.commit_enricher(0, unstorable.offset + 1)
    await river.commit_writer()
    async with river.audited() as made:
        await river.until(
            {
                "raw accepted": 9,
                "enricher enriched": 7,
                "enricher rejected": 2,
                "writer stored": 4,
                "writer duplicate": 1,
                "writer rejected": 2,
            }
        )
        await passes(made)
        assert made.metrics.unaccounted._value.get() == 0


async def test_what_may_still_come_is_in_flight_and_never_unaccounted(river: River) -> None:
    async with river.audited() as made:
        chunk = await river.accept(raw_event(), raw_event())
        await river.until({"raw accepted": 2, "enricher in_flight": 2})
        await river.enrich(chunk)
        await river.until({"raw accepted": 2, "enricher enriched": 2, "writer in_flight": 2})
        await passes(made, 5)
        assert made.metrics.unaccounted._value.get() == 0
        await asyncio.to_thread(river.store, chunk)
        await river.until({"raw accepted": 2, "enricher enriched": 2, "writer stored": 2})
        await river.commit_writer()
        await passes(made)
        assert river.ledger() == {"raw accepted": 2, "enricher enriched": 2, "writer stored": 2}


async def test_a_row_deleted_by_hand_is_missed_and_found_again(
    river: River, capfd: pytest.CaptureFixture[str]
) -> None:
    chunk = await river.accept(raw_event(), raw_event(), raw_event())
    await river.carry(chunk)
    stored = {"raw accepted": 3, "enricher enriched": 3, "writer stored": 3}
    async with river.audited() as made:
        await river.until(stored)
        gone = chunk.events[1].event_id
        delete = f"ALTER TABLE events DELETE WHERE event_id = '{gone}' SETTINGS mutations_sync = 1"
        await asyncio.to_thread(river.query, delete)
        await until(made.metrics.unaccounted._value.get, lambda now: now == 1)
        await river.until(
            {"raw accepted": 3, "enricher enriched": 3, "writer stored": 2, "writer unaccounted": 1}
        )
        assert gone in "".join(capfd.readouterr())
    # A new process knows it from its first moment, and sees when it is mended.
    async with river.audited() as again:
        await until(again.metrics.unaccounted._value.get, lambda now: now == 1)
        await asyncio.to_thread(river.store, chunk)
        await until(again.metrics.unaccounted._value.get, lambda now: now == 0)
        assert river.ledger() == stored


async def test_what_was_erased_balances_also_when_it_comes_late_or_again(river: River) -> None:
    chunk = await river.accept(raw_event(), raw_event(), raw_event())
    await river.carry(chunk)
    gone, kept, late = chunk.events
    erased = (
        "INSERT INTO erased_events (website_id, event_id, erasure_id, seen)"
        " SELECT 'shop', '{}', generateUUIDv4(), 1"
    )
    async with river.audited() as made:
        await river.until({"raw accepted": 3, "enricher enriched": 3, "writer stored": 3})
        for event in (gone, late):
            await asyncio.to_thread(river.query, erased.format(event.event_id))
            delete = f"DELETE FROM events WHERE event_id = '{event.event_id}'"
            await asyncio.to_thread(river.query, delete)
        # Copies that a client sends again are read by the writer, and never written.
        again = await river.accept(gone, late, kept, partition=1)
        await river.enrich(again)
        await river.commit_writer()
        await river.until(
            {
                "raw accepted": 6,
                "enricher enriched": 6,
                "writer stored": 1,
                "writer duplicate": 1,
                "writer erased": 4,
            }
        )
        await passes(made)
        assert made.metrics.unaccounted._value.get() == 0


async def test_a_record_that_the_enricher_passed_over_is_missed(river: River) -> None:
    skipped = await river.accept(raw_event())
    carried = await river.accept(raw_event())
    await river.carry(carried)
    assert skipped.offset < carried.offset
    async with river.audited() as made:
        await until(made.metrics.unaccounted._value.get, lambda now: now == 1)


async def test_a_restart_counts_nothing_twice(river: River) -> None:
    first = await river.accept(raw_event(), raw_event())
    await river.carry(first)
    async with river.audited():
        await river.until({"raw accepted": 2, "enricher enriched": 2, "writer stored": 2})
    # Read again from the beginning, as after a crash before the first commit.
    logs = river.query("SELECT raw_partition, raw_log FROM ledger_logs FINAL ORDER BY 1")
    await river._commit(f"{river.group}-auditor", dict.fromkeys(_raw(river), 0))
    second = await river.accept(raw_event())
    await river.carry(second)
    async with river.audited() as made:
        await river.until({"raw accepted": 3, "enricher enriched": 3, "writer stored": 3})
        await passes(made)
    assert river.query("SELECT raw_partition, raw_log FROM ledger_logs FINAL ORDER BY 1") == logs
    assert river.query("SELECT count() FROM ledger_raw FINAL") == [(3,)]


async def test_a_chunk_that_was_enriched_and_stored_twice_counts_once(river: River) -> None:
    chunk = await river.accept(raw_event(), raw_event())
    await river.carry(chunk)
    await river.carry(chunk)
    async with river.audited():
        await river.until({"raw accepted": 2, "enricher enriched": 2, "writer stored": 2})


async def test_topics_that_are_created_anew_while_it_reads(river: River) -> None:
    old = await river.accept(*[raw_event() for _ in range(5)])
    more = await river.accept(raw_event())
    await river.carry(old, more)
    async with river.audited() as made:
        await river.until({"raw accepted": 6, "enricher enriched": 6, "writer stored": 6})
        await river.delete_topics(*river.names)
        await asyncio.sleep(0.5)
        await until_made_anew(river)
        new = await river.accept(raw_event(), raw_event())
        assert new.offset == 0
        await until(river.ledger, lambda found: found.get("raw accepted") == 8, 60)
        assert made.metrics.unaccounted._value.get() == 0
        await river.carry(new)
        await river.until({"raw accepted": 8, "enricher enriched": 8, "writer stored": 8})
        await passes(made)
        assert made.metrics.unaccounted._value.get() == 0


async def until_made_anew(river: River) -> None:
    # A deletion goes on for a moment after it was answered.
    async with asyncio.timeout(30):
        while True:
            await river.make_topics()
            try:
                async with asyncio.timeout(3):
                    await river.until_made()
                    return
            except TimeoutError:
                continue


def _raw(river: River) -> list[TopicPartition]:
    return [TopicPartition(river.names.raw, number) for number in range(2)]


async def test_what_was_removed_before_the_enricher_read_it_is_expired(
    river: River, capfd: pytest.CaptureFixture[str]
) -> None:
    chunks = [await river.accept(raw_event(), raw_event()) for _ in range(3)]
    await river.carry(chunks[0])
    flight = {"raw accepted": 6, "enricher enriched": 2, "enricher in_flight": 4, "writer stored": 2}
    async with river.audited() as made:
        await river.until(flight)
        await remove_before(river, chunks[2].offset)
        expired = flight | {"enricher in_flight": 2, "enricher expired": 2}
        await river.until(expired)
        await river.carry(chunks[2])
        done = {"raw accepted": 6, "enricher enriched": 4, "enricher expired": 2, "writer stored": 4}
        await river.until(done)
        await passes(made)
        assert river.ledger() == done
        assert made.metrics.unaccounted._value.get() == 0
    assert "removed before the enricher read them" in "".join(capfd.readouterr())
    # Removed before the auditor read them, too: nobody knows their events, so each record counts as one.
    unread = [await river.accept(raw_event(), raw_event()) for _ in range(2)]
    await remove_before(river, unread[1].offset + 1)
    async with river.audited() as made:
        await river.until(done | {"raw accepted": 8, "enricher expired": 4})
        assert made.metrics.unread.labels(topics.RAW.name)._value.get() == 2


async def remove_before(river: River, offset: int) -> None:
    async with admin(river.broker) as client:
        partition = TopicPartition(river.names.raw, 0)
        await client.delete_records({partition: RecordsToDelete(before_offset=offset)})
