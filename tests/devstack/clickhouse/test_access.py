"""What each user of the file may run, decided without an engine."""

import pytest

from devstack.clickhouse.access import Engine, check
from devstack.clickhouse.errors import (
    ACCESS_DENIED,
    READONLY,
    SETTING_CONSTRAINT_VIOLATION,
    ServerError,
)
from devstack.clickhouse.users import User, read
from devstack.clickhouse_users import FILE, digests, password
from eventrail.rows.reading import events_once, settings_clause

NAMES = (
    "events",
    "schema_migrations",
    "ledger_raw",
    "ledger_minutes",
    "ledger_logs",
    "rejected_replays",
    "events_replay_17",
    "erasures",
    "erased_events",
    "event_rewrites",
)
ENGINE = Engine(
    frozenset(
        {("eventrail", name) for name in NAMES}
        | {("payroll", "salaries"), ("payroll", "events"), ("system", "tables"), ("system", "users")}
    ),
    frozenset({"file", "url", "merge", "remote", "numbers", "values", "loop", "dictionary"}),
)


def the(role: str) -> User:
    user = read(FILE, digests("s")).admitted(f"eventrail_{role}", password(role, "s"))
    assert user is not None
    return user


def refusal(role: str, sql: str, database: str = "eventrail", **settings: str) -> int:
    """The code of the refusal, 0 where the statement may run."""
    try:
        check(the(role), sql, settings, database, ENGINE)
    except ServerError as error:
        return error.code if error.message.startswith(f"eventrail_{role}: ") else -1
    return 0


ONCE = events_once(("event_name", "count()"), "website_id = 'w'") + " GROUP BY event_name"


@pytest.mark.parametrize(
    ("role", "sql"),
    [
        ("reader", f"WITH matching AS ({ONCE}) SELECT * FROM matching" + settings_clause()),
        ("reader", f"{ONCE}\nSETTINGS max_execution_time = 10, max_memory_usage = 1073741824, readonly = 2"),
        ("reader", "EXISTS TABLE events"),
        ("reader", "SELECT max(updated_at) FROM ledger_logs"),
        ("reader", "SELECT minute FROM ledger_minutes FINAL"),
        ("reader", "SELECT 1 SETTINGS max_threads = 2, max_block_size = 10 UNION ALL SELECT 2"),
        ("reader", "SELECT value AS settings FROM system.settings"),
        ("reader", "SELECT 1 SETTINGS max_threads = 1 FORMAT Null"),
        ("writer", "INSERT INTO events SETTINGS async_insert = 0 VALUES"),
        ("reader", "SELECT name FROM system.tables WHERE database = currentDatabase()"),
        ("reader", "SELECT number FROM numbers(3)"),
        ("reader", "(SELECT 1) UNION ALL (SELECT 2)"),
        ("reader", "DESCRIBE TABLE events"),
        ("reader", "SET max_execution_time = 5"),
        ("reader", "USE eventrail"),
        ("writer", "INSERT INTO events (website_id, event_name) VALUES"),
        ("writer", "INSERT INTO eventrail.events (website_id) VALUES ('salaries'), ('payroll.salaries')"),
        ("writer", "SELECT engine FROM system.tables WHERE name = 'events'"),
        ("migrator", "CREATE DATABASE IF NOT EXISTS `eventrail`"),
        (
            "migrator",
            "CREATE TABLE IF NOT EXISTS new_one (a Int32) ENGINE = ReplacingMergeTree(a) ORDER BY a",
        ),
        ("migrator", "CREATE TABLE new_two (events UInt64 COMMENT 'x', ledger_raw Int32) ENGINE = Memory"),
        ("migrator", "ALTER TABLE new_two ADD COLUMN events Int32 AFTER ledger_raw"),
        ("migrator", "ALTER TABLE events ADD COLUMN IF NOT EXISTS b Int32"),
        ("migrator", "SELECT number FROM schema_migrations FINAL"),
        ("migrator", "INSERT INTO schema_migrations (number, name) VALUES"),
        ("auditor", "INSERT INTO ledger_raw (minute) VALUES"),
        ("auditor", "INSERT INTO ledger_minutes SELECT minute FROM ledger_raw"),
        ("operator", "CREATE TABLE events_replay_17 AS events ENGINE = MergeTree ORDER BY raw_offset"),
        ("operator", "DROP TABLE IF EXISTS events_replay_17"),
        ("operator", "INSERT INTO events (a) SELECT made.a FROM events_replay_17 AS made"),
        ("operator", "INSERT INTO rejected_replays (at) VALUES"),
        ("writer", "DELETE FROM events WHERE website_id = 'w' AND event_id IN ('x')"),
        ("writer", "ALTER TABLE events APPLY DELETED MASK"),
        ("writer", "ALTER TABLE eventrail.events APPLY DELETED MASK"),
        (
            "writer",
            f"SELECT event_id FROM ({ONCE}) WHERE event_id NOT IN (SELECT event_id FROM erased_events)",
        ),
        ("writer", "INSERT INTO erased_events (website_id) VALUES"),
        ("writer", "SELECT count() FROM event_rewrites FINAL"),
        ("reader", "SELECT erasure_id FROM erasures FINAL"),
        ("operator", "INSERT INTO event_rewrites (stage) SELECT 1"),
    ],
)
def test_what_the_services_do_is_allowed(role: str, sql: str) -> None:
    assert refusal(role, sql) == 0


@pytest.mark.parametrize(
    ("role", "sql"),
    [
        ("reader", "SELECT * FROM payroll.salaries"),
        ("reader", "SELECT * FROM payroll.events"),
        ("reader", "SELECT * FROM ledger_raw"),
        ("reader", "SELECT * FROM schema_migrations"),
        ("reader", "SELECT * FROM rejected_replays"),
        ("reader", "SELECT * FROM events_replay_17"),
        ("reader", r"SELECT * FROM payroll.`sal\x61ries`"),
        ("reader", r'SELECT * FROM "payro\x6cl"."salaries"'),
        ("reader", r"SELECT * FROM `fi\x6ce`('/etc/passwd')"),
        ("reader", "SELECT * FROM payroll.`sal``aries`"),
        ("reader", "SELECT 1 SETTINGS additional_table_filters={}, max_result_rows=0"),
        ("reader", "SELECT 1 SETTINGS extremes, max_result_rows=0"),
        ("reader", "SELECT 1 SETTINGS max_threads = 1, extremes, max_result_rows=0"),
        ("reader", "SELECT * FROM (SELECT 1 SETTINGS extremes, max_result_rows=0)"),
        ("reader", "SELECT 1 SETTINGS max_threads = 1 + 1, max_result_rows=0"),
        ("reader", "SELECT 1 SETTINGS max_threads = (1), max_result_rows=0"),
        ("reader", "SELECT 1 SETTINGS max_threads = -"),
        ("reader", "SELECT 1 SETTINGS"),
        ("reader", "SET extremes, max_result_rows = 0"),
        ("reader", "SET ROLE ALL"),
        ("reader", "SELECT * FROM `payroll`.`salaries`"),
        ("reader", 'SELECT * FROM "payroll.salaries"'),
        ("reader", "SELECT * FROM payroll /* . */ . -- x\n salaries"),
        ("reader", "SELECT (SELECT sum(x) FROM payroll.salaries)"),
        ("reader", "SELECT 1 WHERE 1 IN payroll.salaries"),
        ("reader", "WITH salaries AS (SELECT 1) SELECT * FROM payroll.salaries"),
        ("reader", "SELECT * FROM events UNION ALL SELECT * FROM payroll.salaries"),
        ("reader", "SELECT * FROM system.users"),
        ("reader", "SELECT * FROM file('/etc/passwd')"),
        ("reader", "SELECT file('/etc/passwd')"),
        ("reader", "SELECT * FROM url('http://example.org')"),
        ("reader", "SELECT * FROM merge('payroll', '.*')"),
        ("reader", "SELECT * FROM remote('127.0.0.1', payroll.salaries)"),
        ("reader", "SELECT joinGet('payroll.j', 'x', 1)"),
        ("reader", "SELECT dictGet('payroll.d', 'x', 1)"),
        ("reader", "EXPLAIN SELECT * FROM payroll.salaries"),
        ("reader", "SHOW CREATE TABLE payroll.salaries"),
        ("reader", "SYSTEM RELOAD CONFIG"),
        ("reader", "KILL QUERY WHERE 1"),
        ("reader", "OPTIMIZE TABLE events FINAL"),
        ("reader", "GRANT ALL ON *.* TO eventrail_reader"),
        ("writer", "SELECT * FROM ledger_raw"),
        ("writer", "DELETE FROM ledger_raw WHERE 1"),
        ("writer", "DELETE FROM events WHERE 1 AND 1 IN (SELECT x FROM payroll.salaries)"),
        ("writer", "ALTER TABLE events APPLY DELETED MASK, DROP COLUMN a"),
        ("writer", "ALTER TABLE events DROP COLUMN a, APPLY DELETED MASK"),
        ("writer", "ALTER TABLE payroll.events APPLY DELETED MASK"),
        ("writer", "INSERT INTO event_rewrites (stage) VALUES"),
        ("writer", "INSERT INTO ledger_raw (minute) VALUES"),
        ("writer", "INSERT INTO payroll.events (a) VALUES"),
        ("writer", "INSERT INTO events SELECT * FROM payroll.salaries"),
        ("writer", "INSERT INTO FUNCTION file('x') VALUES"),
        ("writer", "INSERT INTO TABLE FUNCTION file('x') VALUES"),
        ("writer", "TRUNCATE TABLE events"),
        ("writer", "DROP TABLE events"),
        ("writer", "ALTER TABLE events DELETE WHERE 1"),
        ("operator", "DELETE FROM events WHERE 1"),
        ("auditor", "DELETE FROM events WHERE 1"),
        ("writer", "RENAME TABLE events TO e"),
        ("writer", "CREATE TABLE t (a Int32) ENGINE = Memory"),
        ("migrator", "SELECT * FROM events"),
        ("migrator", "INSERT INTO events (a) VALUES"),
        ("migrator", "DROP TABLE events"),
        ("migrator", "DROP DATABASE eventrail"),
        ("migrator", "CREATE DATABASE payroll2"),
        ("migrator", "CREATE TABLE payroll.t (a Int32) ENGINE = Memory"),
        ("migrator", "CREATE TABLE t AS payroll.salaries"),
        ("migrator", "CREATE TABLE t ENGINE = Memory AS SELECT * FROM payroll.salaries"),
        ("migrator", "CREATE TABLE t (a Int32) ENGINE = Memory AS salaries_of(SELECT x FROM events)"),
        ("migrator", "CREATE TABLE t (a Int32 DEFAULT 1 IN payroll.salaries) ENGINE = Memory"),
        ("migrator", "CREATE TABLE t AS merge('payroll', '.*')"),
        ("migrator", "ALTER TABLE ledger_raw REPLACE PARTITION 1 FROM events"),
        ("migrator", "CREATE MATERIALIZED VIEW v TO ledger_raw AS SELECT * FROM events"),
        ("migrator", "CREATE USER me"),
        ("auditor", "INSERT INTO events (a) VALUES"),
        ("auditor", "DROP TABLE ledger_raw"),
        ("operator", "DROP TABLE events"),
        ("operator", "DROP TABLE events_replay_17, events"),
        ("operator", "CREATE TABLE other AS events"),
    ],
)
def test_what_no_service_does_is_denied(role: str, sql: str) -> None:
    assert refusal(role, sql) == ACCESS_DENIED


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO events (a) VALUES",
        "CREATE TABLE t (a Int32) ENGINE = Memory",
        "DROP TABLE events",
        "ALTER TABLE events DELETE WHERE 1",
        "TRUNCATE events",
        "SET readonly = 0",
        "SELECT 1 SETTINGS readonly = 1",
        "SET profile = 'default'",
    ],
)
def test_the_reader_writes_nothing_and_stays_so(sql: str) -> None:
    assert refusal("reader", sql) == READONLY


@pytest.mark.parametrize(
    "clause",
    [
        "max_execution_time = 0",
        "max_execution_time = 601",
        "max_execution_time = -1",
        "max_execution_time = DEFAULT",
        "max_memory_usage = 0",
        "max_memory_usage = '99999999999999'",
        "max_result_rows = 1000001",
        "result_overflow_mode = 'break'",
        "max_threads = 1, max_result_bytes = 0",
    ],
)
def test_limits_cannot_be_raised(clause: str) -> None:
    assert refusal("reader", f"SELECT 1 SETTINGS {clause}") == SETTING_CONSTRAINT_VIOLATION
    assert refusal("reader", f"SELECT * FROM (SELECT 1 SETTINGS {clause})") == SETTING_CONSTRAINT_VIOLATION
    assert refusal("reader", f"SET {clause}") == SETTING_CONSTRAINT_VIOLATION


def test_limits_of_the_packet_count_as_well() -> None:
    assert refusal("reader", "SELECT 1", max_execution_time="0") == SETTING_CONSTRAINT_VIOLATION
    assert refusal("reader", "SELECT 1", readonly="0") == READONLY
    assert refusal("reader", "SELECT 1", readonly="2", max_execution_time="30") == 0
    assert refusal("writer", "INSERT INTO events (a) VALUES", max_partitions_per_insert_block="0") == 0


def test_a_name_in_another_database_is_another_table() -> None:
    assert refusal("reader", "SELECT * FROM events", database="payroll") == ACCESS_DENIED
    assert refusal("reader", "SELECT * FROM eventrail.events", database="payroll") == 0
    assert refusal("writer", "INSERT INTO events (a) VALUES", database="payroll") == ACCESS_DENIED


def test_columns_of_an_alias_are_no_tables() -> None:
    assert refusal("reader", "SELECT e.salaries FROM events AS e") == 0
    assert refusal("reader", "SELECT settings.name FROM system.settings AS settings") == 0
