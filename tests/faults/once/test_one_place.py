"""One place decides how events are read: whoever goes around it is found, in the source and at run time."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.faults.once.source_scan import Finding, Way, findings

REPOSITORY = Path(__file__).parents[3]
ROOTS = tuple(REPOSITORY / name for name in ("services", "libs", "devstack"))

_REPLAY: Final = "services/enricher/src/enricher/replay/statements.py"
_ERASURES: Final = "services/writer/src/writer/erasure_tables.py"
_RETENTION: Final = "services/writer/src/writer/schema/0004_erasures.sql"
_SPOOL: Final = "services/collector/src/collector/sinks/spool_file.py"
_OTHER_EVENTS: Final = "the spool's own table, in an SQLite file; the collector cannot reach ClickHouse"

ALLOWED: Final[Mapping[tuple[str, Way], str]] = {
    ("libs/eventrail/src/eventrail/rows/reading.py", Way.READS): "the one place",
    ("services/writer/src/writer/table.py", Way.WRITES): "the writer's insert",
    (_REPLAY, Way.WRITES): "a replay writes what differs as copies of a higher revision",
    (_REPLAY, Way.READS_UNTOLD): "the shadow table, joined with events_once",
    (
        _ERASURES,
        Way.READS_UNTOLD,
    ): "deletes what is to be forgotten, by its identity: every copy, whichever wins",
    (_RETENTION, Way.CHANGES): "a column, and the time after which rows are removed",
    (_SPOOL, Way.READS): _OTHER_EVENTS,
    (_SPOOL, Way.WRITES): _OTHER_EVENTS,
    (_SPOOL, Way.CHANGES): _OTHER_EVENTS,
    ("devstack/src/devstack/clickhouse/engine.py", Way.READS_UNTOLD): "the engine's own files",
    ("devstack/src/devstack/clickhouse/statement.py", Way.READS_UNTOLD): "asks for columns, never for rows",
}
"""Who may do what with the table, and why."""


@cache
def of_product() -> list[Finding]:
    return [finding for root in ROOTS for finding in findings(root)]


def place(finding: Finding) -> tuple[str, Way]:
    return finding.path.relative_to(REPOSITORY).as_posix(), finding.way


def test_nobody_else_touches_the_table() -> None:
    strangers = [finding for finding in of_product() if place(finding) not in ALLOWED]
    assert not strangers, (
        "read events with eventrail.rows.reading.events_once and READING_SETTINGS, or say here why not: "
        + "\n".join(f"{one.path}:{one.line} {one.way}: {one.text}" for one in strangers)
    )


def test_every_exception_is_still_needed() -> None:
    assert not ALLOWED.keys() - {place(finding) for finding in of_product()}


AROUND = {
    "plain": 'SQL = "SELECT count() FROM events WHERE 1"',
    "final, but not from the one place": 'SQL = "SELECT count() FROM events FINAL"',
    "lower case over lines": 'SQL = """select count()\nfrom\n   events\nwhere 1"""',
    "with its database": 'SQL = "SELECT 1 FROM eventrail.events"',
    "quoted": 'SQL = "SELECT 1 FROM `events` AS e"',
    "quoted twice": 'SQL = \'SELECT 1 FROM "eventrail" . "events"\'',
    "joined": 'SQL = "SELECT 1 FROM websites AS w ANY LEFT JOIN events ON 1"',
    "behind a comma": 'SQL = "SELECT 1 FROM websites AS w, events"',
    "a subquery": 'SQL = "SELECT 1 FROM (SELECT * FROM events) AS x"',
    "an f-string with a constant": 'T = "events"\nSQL = f"SELECT 1 FROM {T}"',
    "an imported constant": "from eventrail.rows.reading import TABLE as T\nSQL = f'select 1 FROM {T}'",
    "a constant of an imported module": "from eventrail.rows import reading\nSQL = f'SELECT 1 FROM {reading.TABLE}'",
    "a sum": 'SQL = "SELECT 1" + " FROM " + "events"',
    "a sum with something unknown": 'def sql(x): return x() + " FROM events"',
    "behind the one place": 'def sql(a): return events_once(a, "1") + " UNION ALL SELECT 1 FROM events"',
    "parts joined": 'SQL = " ".join(["SELECT 1", "FROM", "events"])',
    "replaced": 'SQL = "SELECT 1 FROM {table}".replace("{table}", "events")',
    "formatted": 'SQL = "SELECT 1 FROM {}".format(table)',
    "percent": 'SQL = "SELECT 1 FROM %s" % table',
    "a parameter": 'SQL = "SELECT 1 FROM %(table)s"',
    "a table that nobody knows": 'def sql(t): return f"SELECT 1 FROM {t}"',
    "a table function": "SQL = \"SELECT 1 FROM merge(currentDatabase(), '^events$')\"",
    "a writer": 'SQL = "INSERT INTO events SELECT 1"',
    "a mutation": 'SQL = "ALTER TABLE events DELETE WHERE 1"',
    "a delete": 'SQL = "DELETE FROM events WHERE 1"',
    "a rollup made by a service": 'SQL = "CREATE MATERIALIZED VIEW days TO d AS SELECT 1 FROM x"',
}


@pytest.mark.parametrize("source", AROUND.values(), ids=AROUND.keys())
def test_a_reading_that_goes_around_it_is_found(source: str, tmp_path: Path) -> None:
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes/export.py").write_text(source)
    assert findings(tmp_path)


ROLLUPS = {
    "a view that counts what is inserted": (
        "CREATE MATERIALIZED VIEW IF NOT EXISTS days TO total AS\nSELECT website_id, count()\nFROM events GROUP BY 1;\n"
    ),
    "a view that is refreshed": "CREATE MATERIALIZED VIEW d REFRESH EVERY 1 HOUR AS SELECT 1 FROM events;",
    "a projection": "ALTER TABLE events ADD PROJECTION p (SELECT website_id, count() GROUP BY website_id);",
    "a view without FINAL": "-- events\nCREATE VIEW v AS SELECT * FROM events;",
}


@pytest.mark.parametrize("source", ROLLUPS.values(), ids=ROLLUPS.keys())
def test_a_rollup_of_a_migration_is_found(source: str, tmp_path: Path) -> None:
    (tmp_path / "0009_days.sql").write_text(source)
    assert findings(tmp_path)


@pytest.mark.parametrize(
    "source",
    [
        'SQL = "SELECT event_name, count() AS events FROM matching ORDER BY events DESC"',
        'SQL = "SELECT sum(events) FROM (SELECT 1 AS events FROM matching)"',
        'SQL = "SELECT 1 FROM ledger_events"',
        'SQL = "SELECT 1 FROM events_shadow"',
        '"""Reads FROM events."""\n\n\ndef f():\n    """SELECT 1 FROM events."""',
        'WHY = "so many events were taken from {place}"',
        "SQL = \"SELECT name FROM system.columns WHERE table = 'events'\"",
    ],
)
def test_what_reads_other_things_is_left_alone(source: str, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(source)
    assert not findings(tmp_path)
