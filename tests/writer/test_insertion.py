"""Refused rows are found; errors of other kinds leave the insertion where it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.errors import ClickHouseUnavailable
from eventrail.rows.events import Row
from writer.errors import RowsRefused, TableFault
from writer.insertion import SUSPICIOUS, Insertion


class Engine:
    """Takes blocks without bad rows; `away` counts the calls that fail first."""

    def __init__(self, bad: set[int], *, certain: bool = True, away: set[int] | None = None) -> None:
        self.bad, self.certain, self.away = bad, certain, away or set()
        self.blocks: list[list[Row]] = []
        self.calls = 0

    def insert(self, rows: list[Row]) -> None:
        self.calls += 1
        if self.calls in self.away:
            raise ClickHouseUnavailable("away")
        if any(number in self.bad for (number,) in rows):
            raise RowsRefused("code 469", certain=self.certain)
        self.blocks.append(rows)


def rows(count: int) -> list[Row]:
    return [(number,) for number in range(count)]


def test_a_good_block_is_one_insert() -> None:
    engine, insertion = Engine(set()), Insertion(rows(1000))
    insertion.run(engine.insert)
    assert engine.blocks == [rows(1000)]
    assert insertion.written == rows(1000)


def test_no_rows_are_no_insert() -> None:
    engine, insertion = Engine(set()), Insertion([])
    insertion.run(engine.insert)
    assert engine.calls == 0
    assert insertion.written == insertion.refused == []


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
    assert insertion.written == [each for each in rows(count) if each[0] not in bad]
    assert [each for each, _ in insertion.refused] == [each for each in rows(count) if each[0] in bad]
    assert [each for block in engine.blocks for each in block] == insertion.written


def test_one_bad_row_of_a_thousand_costs_few_inserts() -> None:
    engine, insertion = Engine({617}), Insertion(rows(1000))
    insertion.run(engine.insert)
    assert engine.calls <= 21


@pytest.mark.parametrize("count", [1, 5, 10_000])
def test_where_no_row_is_accepted_and_the_cause_is_in_doubt_nothing_is_refused(count: int) -> None:
    engine, insertion = Engine(set(range(count)), certain=False), Insertion(rows(count))
    with pytest.raises(TableFault, match="no row is accepted: code 469"):
        insertion.run(engine.insert)
    assert insertion.refused == []
    assert engine.calls < 4 * SUSPICIOUS + 40
    engine.bad = set()
    insertion.run(engine.insert)
    assert insertion.written == rows(count)


def test_a_doubtful_refusal_stands_once_the_engine_took_others() -> None:
    engine, insertion = Engine({2}, certain=False), Insertion(rows(4))
    insertion.run(engine.insert)
    assert [each for each, _ in insertion.refused] == [(2,)]
