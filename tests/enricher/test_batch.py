import pytest

from enricher.batch import Batch, by_partition
from enricher.checkpoints import CROWDED_BYTES, added, as_of, newest
from enricher.chunk import Outcome, RawRecord
from enricher.offsets import OffsetAccount
from enricher.partitions import key_hash
from enricher.sessions import Sessions
from eventrail.kafka.records import Record


@pytest.fixture
def account() -> OffsetAccount:
    made = OffsetAccount()
    made.begin(1, {0: 5, 1: 0})
    return made


def outcome_of(batch: Batch, record: RawRecord, at_ms: int, **states: bytes) -> None:
    outcome = Outcome(batch.overlay(record), received_ms=at_ms)
    for key, value in states.items():
        outcome.sessions.put(key.encode(), value)
    outcome.enriched.append(Record(b"%d" % record.offset))
    batch.add(record, outcome)


def raw(offset: int, partition: int = 0) -> RawRecord:
    return RawRecord(partition, offset, 1, None, b"")


def test_a_record_sees_the_states_of_those_before_it_on_its_partition(account: OffsetAccount) -> None:
    sessions = Sessions()
    sessions.of(0).put(b"held", added(None, 4, b"1", 0))
    batch = Batch(account, sessions, 1)
    outcome_of(batch, raw(5), 100, a=b"2")
    assert batch.overlay(raw(6)).get(b"held") == b"1"
    assert batch.overlay(raw(6)).get(b"a") == b"2"
    assert batch.overlay(raw(0, partition=1)).get(b"a") is None


def test_what_was_written_below_a_record_that_was_not_added_is_forgotten(account: OffsetAccount) -> None:
    batch = Batch(account, Sessions(), 1)
    batch.overlay(raw(5)).put(b"a", b"1")
    assert batch.overlay(raw(5)).get(b"a") is None
    assert list(batch.changes()) == []


def test_the_last_state_of_each_session_leaves_dated_by_the_latest_event(account: OffsetAccount) -> None:
    batch = Batch(account, Sessions(), 1)
    outcome_of(batch, raw(5), 200, a=b"1", b=b"2")
    outcome_of(batch, raw(6), 100, a=b"3")
    outcome_of(batch, raw(0, partition=1), 50)
    values = {b"a": added(added(None, 5, b"1", 0), 6, b"3", 5), b"b": added(None, 5, b"2", 0)}
    changes = [Record(value, key=key, timestamp_ms=200) for key, value in values.items()]
    assert list(batch.changes()) == [(0, changes)]
    assert [made.value for made in batch.enriched()] == [b"5", b"6", b"0"]


def test_nothing_is_done_or_kept_before_it_is_said(account: OffsetAccount) -> None:
    sessions = Sessions()
    batch = Batch(account, sessions, 1)
    outcome_of(batch, raw(5), 200, a=b"1")
    outcome_of(batch, raw(6), 300, a=b"2")
    assert (account.uncommitted(), len(sessions)) == ({}, 0)
    batch.keep()
    assert account.uncommitted() == {0: 7}
    assert {key: newest(value) for key, value in sessions.of(0).states.items()} == {b"a": b"2"}
    held = sessions.of(0)
    held.settle(6)
    assert held.watermark_ms == 0
    assert held.states == {b"a": added(added(None, 5, b"1", 0), 6, b"2", 5)}
    held.settle(7)
    assert held.watermark_ms == 300
    assert held.states == {b"a": added(None, 6, b"2", 0)}


def test_it_is_wanted_until_its_generation_ends(account: OffsetAccount) -> None:
    batch = Batch(account, Sessions(), 1)
    assert batch.is_wanted()
    account.end()
    assert not batch.is_wanted()
    account.begin(2, {0: 5})
    assert not batch.is_wanted()


def test_a_state_that_is_ahead_is_taken_back_and_made_again(account: OffsetAccount) -> None:
    sessions = Sessions()
    ahead = added(added(added(None, 4, b"4", 0), 5, b"5", 0), 6, b"6", 0)
    sessions.of(0).put(b"a", ahead)
    batch = Batch(account, sessions, 1)
    assert batch.overlay(raw(5)).get(b"a") == b"4"
    outcome_of(batch, raw(5), 100, a=b"5")
    assert batch.overlay(raw(6)).get(b"a") == b"5"
    outcome_of(batch, raw(6), 100, a=b"6")
    batch.keep()
    assert sessions.of(0).states == {b"a": ahead}


def test_checkpoints_that_no_replay_can_ask_for_are_let_go(account: OffsetAccount) -> None:
    sessions = Sessions()
    for number in range(5, 10):
        batch = Batch(account, sessions, 1)
        outcome_of(batch, raw(number), 100, a=b"%d" % number)
        batch.keep()
        account.committed(1, {0: 8})
    value = sessions.of(0).states[b"a"]
    assert [as_of(value, offset) for offset in (7, 8, 9, 10)] == [None, b"7", b"8", b"9"]


def test_a_state_with_many_checkpoints_asks_for_a_commit(account: OffsetAccount) -> None:
    batch = Batch(account, Sessions(), 1)
    big = b"x" * (CROWDED_BYTES // 4)
    for number in range(5, 8):
        outcome_of(batch, raw(number), 100, a=big + b"%d" % number)
    assert not batch.is_crowded
    outcome_of(batch, raw(8), 100, a=big)
    assert batch.is_crowded


def test_records_go_to_the_partition_of_their_key() -> None:
    records = [
        Record(b"1", key=b"a"),
        Record(b"2", key=b"b"),
        Record(b"3"),
        Record(b"4", b"a", key_hash=key_hash(b"a")),
    ]
    found = {
        parcel.partition: [made.value for made in parcel.records] for parcel in by_partition("t", records, 64)
    }
    assert found == {key_hash(b"a") % 64: [b"1", b"4"], key_hash(b"b") % 64: [b"2"], 0: [b"3"]}
