import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.offsets import OffsetAccount, Start, Verdict, start


@pytest.mark.parametrize(
    ("committed", "earliest", "end", "expected"),
    [
        (None, 0, 0, Start(0)),
        (None, 7, 9, Start(7, expired=7)),
        (None, 500, 900, Start(500, expired=500)),
        (8, 7, 9, Start(8)),
        (9, 7, 9, Start(9)),
        (7, 7, 9, Start(7)),
        (5, 7, 9, Start(7, expired=2)),
        (12, 0, 9, Start(0, lost_place=True)),
    ],
)
def test_where_a_partition_begins(committed: int | None, earliest: int, end: int, expected: Start) -> None:
    assert start(committed, earliest, end) == expected


@pytest.fixture
def account() -> OffsetAccount:
    made = OffsetAccount()
    made.begin(3, {0: 10, 1: 0})
    return made


def test_records_are_taken_in_their_order(account: OffsetAccount) -> None:
    assert account.take(3, 0, 10) is Verdict.TAKE
    assert account.take(3, 0, 11) is Verdict.TAKE
    assert account.take(3, 1, 0) is Verdict.TAKE


def test_a_record_behind_a_gap_is_not_taken(account: OffsetAccount) -> None:
    assert account.take(3, 0, 12) is Verdict.GAP
    assert account.expected(0) == 10
    assert account.take(3, 0, 10) is Verdict.TAKE


def test_what_was_done_or_belongs_to_others_is_skipped(account: OffsetAccount) -> None:
    assert account.take(3, 0, 9) is Verdict.SKIP
    assert account.take(2, 0, 10) is Verdict.SKIP
    assert account.take(3, 5, 0) is Verdict.SKIP
    account.end()
    assert account.take(3, 0, 10) is Verdict.SKIP


def test_only_what_is_done_is_committed_and_only_once(account: OffsetAccount) -> None:
    account.take(3, 0, 10)
    assert account.uncommitted() == {}
    assert account.finish(3, 0, 10)
    assert account.uncommitted() == {0: 11}
    account.committed(3, {0: 11})
    assert account.uncommitted() == {}


def test_a_start_that_is_owed_is_committed_once_although_nothing_was_done(account: OffsetAccount) -> None:
    account.begin(4, {0: 500, 1: 0}, owed=[0])
    assert account.uncommitted() == {0: 500}
    account.committed(4, {0: 500})
    assert account.uncommitted() == {}


def test_a_commit_of_an_older_generation_says_nothing(account: OffsetAccount) -> None:
    account.finish(3, 0, 10)
    account.committed(2, {0: 11})
    assert account.uncommitted() == {0: 11}


def test_nothing_is_done_for_another_generation_or_out_of_order(account: OffsetAccount) -> None:
    assert not account.finish(2, 0, 10)
    assert not account.finish(3, 0, 11)
    account.end()
    assert not account.finish(3, 0, 10)
    assert account.generation is None


def test_what_was_given_back_is_taken_again(account: OffsetAccount) -> None:
    account.take(3, 0, 10)
    account.finish(3, 0, 10)
    account.take(3, 0, 11)
    account.give_back()
    assert account.take(3, 0, 11) is Verdict.TAKE


def test_records_that_are_gone_for_good_are_stepped_over(account: OffsetAccount) -> None:
    account.skip_to(0, 20)
    assert account.take(3, 0, 20) is Verdict.TAKE
    assert account.uncommitted() == {0: 20}


@given(st.lists(st.integers(0, 12), max_size=60), st.data())
def test_any_arrival_order_does_each_offset_at_most_once_and_leaves_no_hole(
    arrivals: list[int], data: st.DataObject
) -> None:
    account = OffsetAccount()
    account.begin(1, {0: 0})
    done = []
    for offset in arrivals:
        if account.take(1, 0, offset) is Verdict.TAKE:
            if data.draw(st.booleans()):
                account.finish(1, 0, offset)
                done.append(offset)
            else:
                account.give_back()
    assert done == list(range(len(done)))
    assert account.done[0] == len(done)
