"""Refused rows are found; errors of other kinds leave the insertion where it was."""

from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.errors import ClickHouseUnavailable
from eventrail.rows.events import Row
from writer.errors import LineHeld, RowsRefused
from writer.insertion import SUSPICIOUS, Insertion, Refusals


class Engine:
    """Takes blocks without bad rows; `away` counts the calls that fail first."""

    def __init__(self, bad: set[int], *, certain: bool = True, away: set[int] | None = None) -> None:
        self.bad, self.certain, self.away = bad, certain, away or set()
        self.blocks: list[list[Row]] = []
        self.calls = 0

    def insert(self, rows: Sequence[Row]) -> None:
        self.calls += 1
        if self.calls in self.away:
            raise ClickHouseUnavailable("away")
        if any(number in self.bad for (number,) in rows):
            raise RowsRefused("code 469", certain=self.certain)
        self.blocks.append(list(rows))


def rows(count: int) -> list[Row]:
    return [(number,) for number in range(count)]


def test_a_good_block_is_one_insert() -> None:
    engine, insertion = Engine(set()), Insertion(rows(1000))
    insertion.run(engine.insert)
    assert engine.blocks == [rows(1000)]
    assert insertion.written == rows(1000)
    assert insertion.parts == 1


def test_no_rows_are_no_insert() -> None:
    engine, insertion = Engine(set()), Insertion[Row]([])
    insertion.run(engine.insert)
    assert engine.calls == 0
    assert insertion.written == insertion.refused == []
    assert not insertion.doubtful


@given(st.integers(1, 60), st.sets(st.integers(0, 59)), st.sets(st.integers(1, 40)))
def test_exactly_the_bad_rows_are_refused_however_often_the_engine_goes_away(
    count: int, bad: set[int], away: set[int]
) -> None:
    engine, insertion = Engine(bad, away=away), Insertion(rows(count))
    for _ in range(len(away) + 1):
        try:
            insertion.run(engine.insert)
        except ClickHouseUnavailable:
            continue
        break
    assert sorted(insertion.written) == [each for each in rows(count) if each[0] not in bad]
    assert sorted(each for each, _ in insertion.refused) == [each for each in rows(count) if each[0] in bad]
    assert [each for block in engine.blocks for each in block] == insertion.written


@given(st.integers(0, 9999))
def test_one_bad_row_of_ten_thousand_costs_at_most_thirty_inserts(bad: int) -> None:
    engine, insertion = Engine({bad}), Insertion(rows(10_000))
    insertion.run(engine.insert)
    assert engine.calls <= 30
    assert [row for row, _ in insertion.refused] == [(bad,)]
    assert len(insertion.written) == 9999


def test_the_guard_is_told_a_fair_sample_and_ends_it() -> None:
    told: list[tuple[int, int]] = []

    def guard(settled: int, refused: Refusals[Row]) -> None:
        told.append((settled, len(refused)))
        if len(refused) == 50:
            raise LineHeld("enough")

    # A clump at the beginning, as a partition's worth of bad records stands in a block.
    engine, insertion = Engine(set(range(1000))), Insertion(rows(10_000), guard)
    with pytest.raises(LineHeld):
        insertion.run(engine.insert)
    settled, refused = told[-1]
    assert refused / settled == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize("count", [1, 5, 10_000])
@pytest.mark.parametrize("certain", [True, False])
def test_where_no_row_is_accepted_the_cause_may_be_in_doubt(count: int, certain: bool) -> None:
    engine = Engine(set(range(count)), certain=certain)
    doubtful: list[bool] = []

    def guard(_settled: int, refused: Refusals[Row]) -> None:
        doubtful.append(insertion.doubtful)
        if len(refused) == SUSPICIOUS:
            raise LineHeld("enough")

    insertion = Insertion(rows(count), guard)
    with suppress(LineHeld):
        insertion.run(engine.insert)
    assert doubtful == [False] * (min(count, SUSPICIOUS) - 1) + [not certain]
    assert engine.calls < 2 * SUSPICIOUS + 20


def test_a_doubtful_refusal_stands_once_the_engine_took_others() -> None:
    engine, insertion = Engine({2}, certain=False), Insertion(rows(4))
    insertion.run(engine.insert)
    assert [each for each, _ in insertion.refused] == [(2,)]
    assert not insertion.doubtful
