"""The schema on a cluster: every statement of every file, and the rules one by one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.errors import ConfigurationError
from writer.cluster import Cluster, on_cluster, rows_of
from writer.migrations import LEDGER, migrations

CLUSTER = Cluster("main", "eventrail", "/keeper/{shard}/{database}/{table}", "{replica}", "shards: 1x1, 2x1")
STATEMENTS = [LEDGER, *(statement for migration in migrations() for statement in migration.statements)]
SORTED = "CREATE TABLE IF NOT EXISTS t (a Int8, b String) ENGINE = {engine} {rest}"


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_of_the_schema_runs_on_every_server_and_may_run_twice(statement: str) -> None:
    for made in on_cluster(statement, CLUSTER):
        assert made.count("ON CLUSTER `main`") == 1
        assert "`eventrail`.`" in made
        assert "IF NOT EXISTS" in made or "IF EXISTS" in made or re.search(r"MODIFY (TTL|SETTING)", made)
        assert "--" not in made, "a comment could hide what follows it"


@pytest.mark.parametrize("statement", [one for one in STATEMENTS if "CREATE TABLE" in one])
def test_every_table_becomes_a_replicated_one_and_a_distributed_one_over_it(statement: str) -> None:
    name = re.search(r"EXISTS (\w+)", statement)[1]  # type: ignore[index]
    local, plain = on_cluster(statement, CLUSTER)
    assert local.startswith(f"CREATE TABLE IF NOT EXISTS `eventrail`.`{name}_local` ON CLUSTER")
    engine = re.search(r"ENGINE = ((?:Replacing)?MergeTree)(?:\((\w+)\))?", statement)
    assert engine
    version = f", {engine[2]}" if engine[2] else ""
    assert (
        f"ENGINE = Replicated{engine[1]}('/keeper/{{shard}}/{{database}}/{{table}}', '{{replica}}'{version})"
        in local
    )
    key = re.search(r"ORDER BY \(?([\w, ]+?)\)?\s*(?:\n|$|SETTINGS|TTL)", statement)
    assert key
    assert plain == (
        f"CREATE TABLE IF NOT EXISTS `eventrail`.`{name}` ON CLUSTER `main` AS `eventrail`.`{name}_local`\n"
        f"ENGINE = Distributed('main', 'eventrail', '{name}_local', cityHash64({key[1]}))\n"
        "COMMENT 'shards: 1x1, 2x1'"
    )


def test_columns_and_clauses_stay_as_they_are() -> None:
    text = """
        -- ORDER BY (nothing); ENGINE = Log
        CREATE TABLE IF NOT EXISTS t -- a comment (
        (
            a Int8 DEFAULT (1 + 2) COMMENT 'a -- text, it''s (one', /* b */
            `order by` Array(String) CODEC(T64('bit'), ZSTD(1)),
            INDEX i a TYPE minmax GRANULARITY 1
        )
        ENGINE = ReplacingMergeTree (a)
        PARTITION BY toYYYYMM(fromUnixTimestamp64Milli(if(a = 1, 2, 3), 'UTC'))
        ORDER BY (a, cityHash64(a, 'TTL'))
        TTL toDate(a) + INTERVAL 3 DAY DELETE
        SETTINGS x = 1, -- why
            y = 'ORDER BY z'
    """
    local, plain = on_cluster(text, CLUSTER)
    for kept in (
        "a Int8 DEFAULT (1 + 2) COMMENT 'a -- text, it''s (one',",
        "`order by` Array(String) CODEC(T64('bit'), ZSTD(1)),",
        "INDEX i a TYPE minmax GRANULARITY 1",
        "', '{replica}', a)",
        "PARTITION BY toYYYYMM(fromUnixTimestamp64Milli(if(a = 1, 2, 3), 'UTC'))",
        "TTL toDate(a) + INTERVAL 3 DAY DELETE",
        "y = 'ORDER BY z'",
    ):
        assert kept in local
    assert "why" not in local
    assert "/* b */" not in local
    assert "cityHash64(a, cityHash64(a, 'TTL')))" in plain


@given(
    key=st.lists(
        st.sampled_from(["a", "b", "lower(b)", "f((a), [b, 'x)'])", "`order by`"]), min_size=1, max_size=4
    ),
    engine=st.sampled_from(["MergeTree", "MergeTree()", "ReplacingMergeTree", "ReplacingMergeTree(a)"]),
    before=st.sampled_from(["", "PARTITION BY toDate(a)"]),
    after=st.sampled_from(["", "TTL toDate(a) + INTERVAL 1 DAY DELETE", "SETTINGS x = 1", "PRIMARY KEY (a)"]),
    space=st.sampled_from([" ", "\n", "  \n\t"]),
    bare=st.booleans(),
)
def test_the_sharding_key_is_the_sort_key_whatever_stands_around_it(
    key: list[str], engine: str, before: str, after: str, space: str, bare: bool
) -> None:
    wanted = ", ".join(key)
    given_key = wanted if bare and len(key) == 1 and "(" not in wanted else f"({wanted})"
    rest = space.join(filter(None, [before, f"ORDER BY {given_key}", after]))
    _, plain = on_cluster(SORTED.format(engine=engine, rest=rest), CLUSTER)
    assert f", cityHash64({wanted}))" in plain


def test_a_key_that_is_one_call_keeps_its_parentheses() -> None:
    _, plain = on_cluster(SORTED.format(engine="MergeTree", rest="ORDER BY lower(b)"), CLUSTER)
    assert "cityHash64(lower(b)))" in plain


@pytest.mark.parametrize(
    ("change", "tables"),
    [
        ("ADD COLUMN IF NOT EXISTS c UInt16 DEFAULT 0 COMMENT '0: no limit, (never'", ["t_local", "t"]),
        ("ADD COLUMN IF NOT EXISTS c Int8, ADD COLUMN IF NOT EXISTS d Map(String, Int8)", ["t_local", "t"]),
        ("MODIFY COLUMN b LowCardinality(String)", ["t_local", "t"]),
        ("DROP COLUMN IF EXISTS c", ["t", "t_local"]),
        (
            "MODIFY TTL least(x, f('2190', 3, 'UTC')) + toIntervalDay(c)\n DELETE WHERE c > 0\n SETTINGS x = 0",
            ["t_local"],
        ),
        ("MODIFY SETTING min_age_to_force_merge_seconds = 1", ["t_local"]),
        ("ADD INDEX IF NOT EXISTS i b TYPE bloom_filter", ["t_local"]),
    ],
)
def test_a_change_reaches_the_tables_that_have_what_it_changes(change: str, tables: list[str]) -> None:
    assert on_cluster(f"-- why\nALTER TABLE t {change}", CLUSTER) == [
        f"ALTER TABLE `eventrail`.`{table}` ON CLUSTER `main` {change}" for table in tables
    ]


def test_a_dropped_table_goes_from_above() -> None:
    assert on_cluster("DROP TABLE IF EXISTS t", CLUSTER) == [
        "DROP TABLE IF EXISTS `eventrail`.`t` ON CLUSTER `main` SYNC",
        "DROP TABLE IF EXISTS `eventrail`.`t_local` ON CLUSTER `main` SYNC",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "-- nothing",
        "SELECT 1",
        "INSERT INTO t SELECT 1",
        "INSERT INTO t (a) VALUES (1)",
        "OPTIMIZE TABLE t FINAL",
        "CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a",
        "CREATE OR REPLACE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a",
        "CREATE TABLE IF NOT EXISTS db.t (a Int8) ENGINE = MergeTree ORDER BY a",
        "CREATE TABLE IF NOT EXISTS t ON CLUSTER c (a Int8) ENGINE = MergeTree ORDER BY a",
        "CREATE TABLE IF NOT EXISTS t AS u ENGINE = MergeTree ORDER BY (a)",
        "CREATE TABLE IF NOT EXISTS t (a Int8",
        "CREATE TABLE IF NOT EXISTS t (a Int8) ENGINE = Log",
        "CREATE TABLE IF NOT EXISTS t (a Int8) ENGINE = SummingMergeTree ORDER BY a",
        "CREATE TABLE IF NOT EXISTS t (a Int8) ENGINE = MergeTree PRIMARY KEY a",
        "CREATE TABLE IF NOT EXISTS t (a Int8) ENGINE = MergeTree ORDER BY ()",
        "CREATE TABLE IF NOT EXISTS t (a Int8) ENGINE = MergeTree SETTINGS x = 'ORDER BY a'",
        "CREATE MATERIALIZED VIEW IF NOT EXISTS v (a Int8) ENGINE = MergeTree ORDER BY a AS SELECT 1",
        "CREATE DICTIONARY IF NOT EXISTS d (a Int8) PRIMARY KEY a",
        "ALTER TABLE t DELETE WHERE a = 1",
        "ALTER TABLE t UPDATE a = 1 WHERE 1",
        "ALTER TABLE t MODIFY ORDER BY (a, b)",
        "ALTER TABLE t RENAME COLUMN a TO b",
        "ALTER TABLE t ADD PROJECTION p (SELECT a)",
        "ALTER TABLE t DROP PARTITION 1",
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS c Int8, DROP COLUMN IF EXISTS d",
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS c Int8, DELETE WHERE 1",
        "ALTER TABLE db.t ADD COLUMN IF NOT EXISTS c Int8",
        "DROP TABLE t",
        "DROP DATABASE IF EXISTS d",
        "RENAME TABLE t TO u",
    ],
)
def test_what_no_rule_knows_is_an_error(statement: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be put on a cluster"):
        on_cluster(statement, CLUSTER)


def test_names_are_quoted() -> None:
    odd = Cluster("a`b", "c\\d", "/it's/{shard}/{table}", "{replica}", "x")
    local, plain = on_cluster(SORTED.format(engine="MergeTree", rest="ORDER BY a"), odd)
    assert "`c\\\\d`.`t_local` ON CLUSTER `a\\`b`" in local
    assert "('/it\\'s/{shard}/{table}', '{replica}')" in local
    assert "Distributed('a`b', 'c\\\\d', 't_local', cityHash64(a))" in plain


def test_rows_are_deleted_on_all_shards() -> None:
    assert rows_of("events", "ReplacingMergeTree(version) ORDER BY a") == "events"
    distributed = "Distributed('main', 'a b', 'events_local', cityHash64(a, 'x'))"
    assert rows_of("events", distributed) == "events_local ON CLUSTER `main`"
