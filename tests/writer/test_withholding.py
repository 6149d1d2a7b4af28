"""Which rows of a batch must not be written: one decision, and the same in other words."""

from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from eventrail.erasures.request import CLOCKS_APART_MS, Cover, Erasure
from eventrail.rows.events import COLUMNS, Row
from writer.withholding import Erased, Known, Memory, NoErasures, concerned, event_keys, split, visitor_keys

UNTIL = 1_794_000_000_000
HOUR = CLOCKS_APART_MS


def made(**values: Any) -> Row:
    """A row of which only the named columns have a meaning."""
    return tuple(values.get(name, 0) for name in COLUMNS)


websites = st.sampled_from(["shop", "blog"])
visitors = st.sampled_from(["", "v1", "v2", "v'3\\"])
ids = st.integers(0, 5).map(lambda number: UUID(int=number))
moments = st.sampled_from([UNTIL - 1, UNTIL, UNTIL + 1, UNTIL + HOUR, UNTIL + HOUR + 1])
rows = st.builds(
    made,
    website_id=websites,
    visitor_id=visitors,
    event_id=ids,
    received_at=moments,
    raw_partition=st.integers(0, 2),
    raw_offset=st.integers(0, 3),
)
covers = st.builds(Cover, ids, moments, st.dictionaries(st.integers(0, 2), st.integers(0, 3), max_size=3))
knowledge = st.builds(
    Known,
    st.dictionaries(st.tuples(websites, ids), ids, max_size=4),
    st.dictionaries(st.tuples(websites, visitors.filter(bool)), st.lists(covers, max_size=2), max_size=3),
)


def value(row: Row, column: str) -> Any:
    return row[COLUMNS.index(column)]


def key(row: Row) -> tuple[str, UUID]:
    return value(row, "website_id"), value(row, "event_id")


def meant(row: Row, known: Known) -> bool:
    """The rule as the documentation has it."""
    return key(row) in known.events or any(
        value(row, "received_at") <= cover.until_ms
        or (
            value(row, "received_at") <= cover.until_ms + HOUR
            and value(row, "raw_partition") in cover.raw_ends
            and value(row, "raw_offset") < cover.raw_ends[value(row, "raw_partition")]
        )
        for cover in known.visitors.get((value(row, "website_id"), value(row, "visitor_id")), ())
    )


@given(st.lists(rows, max_size=12), knowledge)
def test_a_row_is_written_unless_a_copy_of_its_event_is_meant(batch: list[Row], known: Known) -> None:
    parted = split(batch, known)
    erased = {key(row) for row in batch if meant(row, known)}
    assert parted.kept == [row for row in batch if key(row) not in erased]
    assert sorted((one.website_id, one.event_id) for one in parted.erased) == sorted(erased)
    named = set(known.events.values()) | {
        cover.erasure_id for covers in known.visitors.values() for cover in covers
    }
    assert {one.erasure_id for one in parted.erased} <= named


@given(st.lists(rows, max_size=12), knowledge)
def test_the_order_of_a_batch_does_not_matter(batch: list[Row], known: Known) -> None:
    there, back = split(batch, known), split(batch[::-1], known)
    assert there.kept == back.kept[::-1]
    assert {one[:2] for one in there.erased} == {one[:2] for one in back.erased}


@given(st.lists(rows, max_size=12), knowledge)
def test_what_is_left_stays_when_it_is_asked_again(batch: list[Row], known: Known) -> None:
    kept = split(batch, known).kept
    again = split(kept, known)
    assert (again.kept, again.erased) == (kept, [])


@given(st.lists(rows, max_size=12), st.sets(websites))
def test_nothing_is_looked_up_but_rows_of_websites_with_erasures(batch: list[Row], erasing: set[str]) -> None:
    some = concerned(batch, erasing)
    assert some == [row for row in batch if value(row, "website_id") in erasing]
    assert event_keys(some) == {key(row) for row in some}
    assert ("shop", "") not in visitor_keys(batch)


@given(st.lists(rows, max_size=12), knowledge)
def test_memory_decides_as_the_tables_do(batch: list[Row], known: Known) -> None:
    erasures = [
        Erasure(cover.erasure_id, website, 1, cover.until_ms, (visitor,), (), cover.raw_ends)
        for (website, visitor), covers in known.visitors.items()
        for cover in covers
    ]
    memory = Memory(100)
    for _ in range(2):
        memory.add_visitors(erasures)
        memory.add_events(Erased(*key, erasure) for key, erasure in known.events.items())
    assert not memory.full
    remembered = split(batch, memory.known())
    asked = split(batch, known)
    assert (remembered.kept, remembered.erased) == (asked.kept, asked.erased)


def test_memory_that_is_full_stays_so() -> None:
    one = UUID(int=1)
    memory = Memory(2)
    memory.add_events(Erased("shop", UUID(int=number), one) for number in range(2))
    states = [memory.full]
    memory.add_visitors([Erasure(one, "shop", 1, 1, ("a", "b", "c"))])
    states.append(memory.full)
    memory.add_events([Erased("shop", one, one)])
    states.append(memory.full)
    assert states == [False, True, True]
    assert memory.known() == Known()
    assert Memory(0).full


async def test_a_writer_to_which_nobody_says_what_to_forget_writes_all() -> None:
    batch = [made(website_id="shop")]
    assert await NoErasures().withhold(batch) is batch
    await NoErasures().recall(batch)
