"""An export delivers what was pinned, page by page, or breaks off before its end."""

from collections.abc import Sequence
from typing import Any

import pytest

from query_api import formats
from query_api.errors import Gone, Invalid, Reason
from query_api.events_table import Statement
from query_api.exporting import File, parts, prepare
from query_api.queries import export
from query_api.question.export import FIELDS, ExportQuestion, Pin, ask
from query_api.question.given import from_query
from query_api.question.selection import Context
from tests.query_api.recorded_export import DAY, Numbers


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE_ROWS", 4)


def question(query: str = "", kept_days: int | None = None, day: int = 0) -> ExportQuestion:
    given = from_query(f"columns=event_id&start_date=2026-02-01&end_date=2026-03-01&{query}".encode(), FIELDS)
    return ask(given, Context("w", 1_772_668_800_000 + day * 86_400_000, kept_days=kept_days))


async def read(file: File, table: Numbers) -> tuple[list[int], list[bytes]]:
    found = [part async for part in parts(file, table.rows)]
    return [int(line.split(b'"')[3]) for line in b"".join(found).splitlines()], found


async def test_pages_are_bounded_and_the_last_part_comes_behind_the_second_survey() -> None:
    table = Numbers(list(range(1, 11)))
    file = await prepare(question(), table.rows)
    numbers, found = await read(file, table)
    assert numbers == table.numbers
    assert [part.count(b"\n") for part in found] == [4, 4, 2, 0]
    names = [statement.name for statement in table.statements]
    assert names == ["export_survey", "export_plan", *["export_page"] * 3, "export_survey"]
    assert max(statement.parameters.get("limit", 0) for statement in table.statements) == 5


@pytest.mark.parametrize("limit", [1, 3, 4, 5, 10, 11])
@pytest.mark.parametrize("skip", [0, 1])
async def test_files_and_the_rest_of_a_file(limit: int, skip: int) -> None:
    table = Numbers(list(range(1, 11)))
    file = await prepare(question(), table.rows)
    cursor: str | None = file.cursor
    found: list[int] = []
    while cursor:
        file = await prepare(question(f"limit={limit}&skip={skip}&cursor={cursor}"), table.rows)
        begin, end = file.position.begin, file.position.begin + file.rows
        numbers, _ = await read(file, table)
        assert numbers == table.numbers[begin + skip : end]
        assert file.cursor == cursor or begin == 0
        found += numbers
        cursor = file.next_cursor
    assert len(found) == 10 - skip * -(-10 // limit)


async def test_skip_is_at_most_the_file() -> None:
    table = Numbers([1, 2, 3])
    file = await prepare(question(), table.rows)
    with pytest.raises(Invalid, match="more than the 2 rows") as caught:
        await prepare(question(f"limit=2&skip=3&cursor={file.cursor}"), table.rows)
    assert caught.value.field == "skip"


async def take(file: File, table: Numbers, delivered: list[bytes]) -> None:
    async for part in parts(file, table.rows):
        delivered.append(part)  # noqa: PERF401 - what came before the error counts


def removing(table: Numbers, name: str, number: int, at: int) -> None:
    """Let `number` vanish from `table` before the statement `name` is run for the `at`th time."""
    seen: list[Statement] = []

    def before(statement: Statement) -> None:
        seen.extend([statement] if statement.name == name else [])
        if len(seen) == at and number in table.numbers:
            table.numbers.remove(number)

    table.before = before


@pytest.mark.parametrize(
    ("name", "number", "at", "parts_before"),
    [
        ("export_page", 6, 2, 1),  # a page that is read next
        ("export_page", 9, 1, 2),  # a page that is read later
        ("export_page", 1, 3, 3),  # one that was read: seen by the last survey
        ("export_survey", 1, 2, 3),
    ],
)
async def test_what_changes_during_a_download_breaks_it_off(
    name: str, number: int, at: int, parts_before: int
) -> None:
    table = Numbers(list(range(1, 11)))
    file = await prepare(question(), table.rows)
    removing(table, name, number, at)
    if name == "export_survey":
        removing(table, name, number, 1)
    delivered: list[bytes] = []
    with pytest.raises(Gone) as caught:
        await take(file, table, delivered)
    assert len(delivered) == parts_before
    assert caught.value.reason is Reason.CHANGED
    with pytest.raises(Gone, match="1 rows were deleted or replaced"):
        await prepare(question(f"cursor={file.cursor}"), table.rows)


async def test_rows_of_days_that_are_kept_no_longer_are_expired() -> None:
    table = Numbers([1, 2, 3])
    file = await prepare(question(kept_days=30), table.rows)
    again = f"cursor={file.cursor}"
    assert (await prepare(question(again, kept_days=30, day=5), table.rows)).rows == 3
    table.numbers.pop()
    with pytest.raises(Gone) as caught:
        await prepare(question(again, kept_days=30), table.rows)
    assert caught.value.reason is Reason.CHANGED
    with pytest.raises(Gone) as caught:
        await prepare(question(again, kept_days=30, day=5), table.rows)
    assert caught.value.reason is Reason.EXPIRED


async def test_rows_that_went_with_an_erasure_are_erased() -> None:
    table = Numbers([1, 2, 3])
    file = await prepare(question(), table.rows)
    table.numbers.pop()
    table.erasures = 1
    with pytest.raises(Gone, match="1 rows are missing since events were erased") as caught:
        await prepare(question(f"cursor={file.cursor}", day=5), table.rows)
    assert caught.value.reason is Reason.ERASED
    asked = table.statements[-1]
    assert (asked.name, 1_772_668_800_000 in asked.parameters.values()) == ("export_erasures", True)


async def test_a_cursor_of_another_release_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Numbers([1])
    file = await prepare(question(), table.rows)
    monkeypatch.setattr(formats, "RELEASE", "0.0.0+1")
    with pytest.raises(Gone, match="another release"):
        await prepare(question(f"cursor={file.cursor}"), table.rows)


async def test_nothing_is_planned_where_nothing_is_left() -> None:
    table = Numbers([1, 2])
    file = await prepare(question(), table.rows)
    table.statements.clear()
    rest = await prepare(question(f"skip=2&cursor={file.cursor}"), table.rows)
    assert (rest.pages, rest.rows, rest.next_cursor) == ([], 2, None)
    assert [statement.name for statement in table.statements] == ["export_survey"]


def test_the_table_of_these_tests_is_read_as_the_real_one() -> None:
    key: Any = ("a", DAY, 0, 7)
    pin = Pin((0,), (9,), 1, 1)
    with_low: Sequence[Any] = list(export.page_statement(question(), pin, key, key, 1).parameters.values())
    assert with_low.count(7) == 2
