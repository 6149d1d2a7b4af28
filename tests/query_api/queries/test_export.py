"""The statements of an export; what the engine makes of them: test_exports.py."""

from datetime import date

from query_api.queries import export
from query_api.question.export import FIELDS, ExportQuestion, Pin, ask
from query_api.question.given import from_query
from query_api.question.selection import Context

PIN = Pin((0, 3), (17, 4), 12, 7)
DAY = date(2026, 3, 1)


def question(query: str = "") -> ExportQuestion:
    return ask(from_query(query.encode(), FIELDS), Context("w", 1_772_668_800_000))


def test_a_survey_tells_the_offsets_behind_what_it_saw() -> None:
    assert export.surveyed([(12, 7, ([0, 3], [16, 3]))]) == PIN
    assert export.surveyed([(0, 0, ([], []))]) == Pin((), (), 0, 0)


def test_only_what_is_delivered_is_surveyed() -> None:
    sql = export.survey_statement(question("columns=country"), PIN).sql
    assert "sipHash64(event_name, identity_day, event_id_high, event_id_low, toString(country))" in sql
    assert "event_data" not in sql


def test_pages_are_ranges_between_the_places_of_the_plan() -> None:
    keys = [("a", DAY, 1, 1), ("a", DAY, 1, 2), ("b", DAY, 0, 0)]
    plan = [(place, *key) for place, key in zip((5, 10, 12), keys, strict=True)]
    assert export.pages(plan, 0) == [(None, keys[0], 5), (keys[0], keys[1], 5), (keys[1], keys[2], 2)]
    assert export.pages(plan, 5) == [(keys[0], keys[1], 5), (keys[1], keys[2], 2)]
    assert export.pages([], 0) == []


def test_a_page_reads_one_more_row_than_it_may_have_and_no_estimate_stops_it() -> None:
    low, high = ("a", DAY, 1, 2**64 - 1), ("b'", DAY, 0, 3)
    statement = export.page_statement(question(), PIN, low, high, 5)
    assert statement.parameters["limit"] == 6
    assert {"a", "b'", 2**64 - 1, 3} <= {
        value for value in statement.parameters.values() if isinstance(value, str | int)
    }
    assert [0, 3] in statement.parameters.values()
    assert not statement.estimated


def test_a_pin_of_nothing_has_no_rows_whatever_arrives() -> None:
    assert " AND 0)" in export.survey_statement(question(), Pin((), (), 0, 0)).sql
