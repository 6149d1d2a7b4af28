import re
from pathlib import Path

from eventrail.rows.events import COLUMNS
from eventrail.rows.reading import READING_SETTINGS, SORT_KEY, TABLE, events_once, settings_clause

SCHEMA = Path(__file__).parents[3] / "services/writer/src/writer/schema/0001_events.sql"


def test_a_reading_keeps_one_copy_of_each_event_and_says_so_before_its_conditions() -> None:
    assert events_once(["a", "max(b)"], "c = 1") == f"SELECT a, max(b) FROM {TABLE} FINAL WHERE c = 1"


def test_the_settings_that_make_it_exact() -> None:
    assert settings_clause() == (
        "\nSETTINGS do_not_merge_across_partitions_select_final = 0, use_skip_indexes_if_final = 1, "
        "use_skip_indexes_if_final_exact_mode = 1, optimize_move_to_prewhere_if_final = 0"
    )
    assert settings_clause({**READING_SETTINGS, "a": 1}) == f"{settings_clause()}, a = 1"


def test_settings_stand_in_the_query() -> None:
    assert settings_clause({"a": 1, "b": 2}) == "\nSETTINGS a = 1, b = 2"


def test_the_key_is_that_of_the_table_and_of_nothing_that_a_copy_can_change() -> None:
    schema = SCHEMA.read_text()
    # The two halves of an id in their order are the id in the order of its text.
    key = ", ".join(SORT_KEY).replace("event_id", "event_id_high, event_id_low")
    assert f"ORDER BY ({key})" in schema
    assert set(SORT_KEY) <= set(COLUMNS)
    assert re.search(r"^ENGINE = ReplacingMergeTree\(copy_rank\)$", schema, re.MULTILINE)
    # A partition that the sort key tells holds all copies of an event: the engine need not compare across partitions.
    assert re.findall(r"^PARTITION BY (.*)$", schema, re.MULTILINE) == ["toISOWeek(identity_day)"]
    assert "identity_day" in SORT_KEY
