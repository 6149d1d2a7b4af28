"""The table against the real engine: what is written comes back, once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from eventrail.clickhouse import OVERLOADED
from eventrail.contract.v1.enriched_pb2 import BotKind, EnrichedEvent, EventType, VisitorSource
from eventrail.errors import ClickHouseUnavailable
from eventrail.rows.events import COLUMNS, Row, row
from eventrail.rows.stored import STORED_COLUMNS
from writer.errors import RowsRefused, TableFault
from writer.insertion import Insertion
from writer.table import DATA_FAULT, OUR_FAULT, TROUBLE, Table, judgement

Event = Callable[..., EnrichedEvent]
Query = Callable[..., list[Any]]

FINAL = """
FINAL SETTINGS do_not_merge_across_partitions_select_final = 0,
use_skip_indexes_if_final = 1, use_skip_indexes_if_final_exact_mode = 1
"""

stack = pytest.mark.stack


@pytest.fixture
def table(database: str) -> Iterator[Table]:
    with closing(Table(database, timeout_seconds=20)) as made:
        yield made


def rows_of(*events: EnrichedEvent) -> list[Row]:
    return [row(event, 3, offset) for offset, event in enumerate(events)]


def full_event() -> EnrichedEvent:
    event = EnrichedEvent(
        website_id="shop",
        event_id="0190a0b0-c0d0-7e0f-8a1b-2c3d4e5f6071",
        event_type=EventType.EVENT_TYPE_CUSTOM,
        event_name="purchase ✓",
        timestamp_ms=1_794_000_000_123,
        received_at_ms=1_794_000_001_456,
        identity_day=20_763,
        event_data='{"a":{"b":1.50},"c":"x\\"y","":true}',
        visitor_id="0123456789abcdef0123456789abcdef",
        session_id="aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
        session_started_at_ms=1_793_999_000_001,
        language="en-GB",
    )
    event.page.url, event.page.host = "https://example.com/p?q=1", "example.com"
    event.page.path, event.page.query = "/p", "q=1"
    event.referrer.url, event.referrer.domain = "https://news.example/", "news.example"
    utm = event.campaign
    utm.source, utm.medium, utm.campaign, utm.term, utm.content = "s", "m", "c", "t", "k"
    utm.click_id, utm.inherited, event.channel = "gclid", True, "Paid Search"
    event.visitor_source = VisitorSource.VISITOR_SOURCE_HASH
    event.bot.kind, event.bot.name = BotKind.BOT_KIND_LIBRARY, "curl"
    event.geo.country, event.geo.region, event.geo.city = "DE", "Bavaria", "München"
    agent = event.agent
    agent.browser, agent.browser_version, agent.os, agent.os_version = "Chrome", "141.0", "Android", "16"
    agent.device_type = "mobile"
    event.screen.width, event.screen.height = 1080, 65_535
    made = event.enrichment
    made.rules_version, made.agent_rules, made.geo_database = 7, "ua 1", "Geo 2"
    raw = event.raw_position
    raw.partition, raw.offset, raw.index = 5, 2**40, 49
    return event


@stack
async def test_what_is_written_is_what_the_table_keeps_and_readers_find_every_column(query: Query) -> None:
    found = query(
        "SELECT name, default_kind FROM system.columns WHERE database = currentDatabase() AND table = 'events'"
    )
    assert sorted(name for name, kind in found if kind != "ALIAS") == sorted(STORED_COLUMNS)
    assert {kind for _, kind in found} == {"", "DEFAULT", "ALIAS"}
    assert {name for name, _ in found} == {*COLUMNS, *STORED_COLUMNS, "id_time"}


@stack
async def test_every_column_comes_back_as_it_was_sent(table: Table, query: Query) -> None:
    table.insert([row(full_event(), 3, 2**41)])
    [answer] = query(f"SELECT {', '.join(COLUMNS)} FROM events {FINAL}")
    assert dict(zip(COLUMNS, answer, strict=True)) == {
        "retention_days": 0,
        "website_id": "shop",
        "event_name": "purchase ✓",
        "identity_day": date(2026, 11, 6),
        "event_id": UUID("0190a0b0-c0d0-7e0f-8a1b-2c3d4e5f6071"),
        "event_type": "custom",
        "timestamp": datetime(2026, 11, 6, 21, 20, 0, 123_000, UTC),
        "received_at": datetime(2026, 11, 6, 21, 20, 1, 456_000, UTC),
        "version": 2**48 - 1 - 1_794_000_001_456,
        "visitor_id": "0123456789abcdef0123456789abcdef",
        "visitor_source": "hash",
        "session_id": UUID("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"),
        "session_started_at": datetime(2026, 11, 6, 21, 3, 20, 1_000, UTC),
        "url": "https://example.com/p?q=1",
        "host": "example.com",
        "path": "/p",
        "query": "q=1",
        "referrer_url": "https://news.example/",
        "referrer_domain": "news.example",
        "utm_source": "s",
        "utm_medium": "m",
        "utm_campaign": "c",
        "utm_term": "t",
        "utm_content": "k",
        "click_id": "gclid",
        "campaign_inherited": True,
        "channel": "Paid Search",
        "country": "DE",
        "region": "Bavaria",
        "city": "München",
        "browser": "Chrome",
        "browser_version": "141.0",
        "os": "Android",
        "os_version": "16",
        "device_type": "mobile",
        "bot_kind": "library",
        "bot_name": "curl",
        "language": "en-GB",
        "screen_width": 1080,
        "screen_height": 65_535,
        "event_data": '{"a":{"b":1.50},"c":"x\\"y","":true}',
        "property_keys": ["a.b", "c", ""],
        "property_types": ["number", "string", "boolean"],
        "property_values": ["1.50", 'x"y', "true"],
        "event_shape": '{"a":{"b":\0},"c":\0,"":\0}',
        "rules_version": 7,
        "agent_rules": "ua 1",
        "geo_database": "Geo 2",
        "raw_partition": 5,
        "raw_offset": 2**40,
        "raw_index": 49,
        "enriched_partition": 3,
        "enriched_offset": 2**41,
    }


@stack
async def test_times_are_exact_over_the_whole_range(table: Table, event: Event, query: Query) -> None:
    times = [0, 1, 999, 1000, 2_147_483_647_999, 4_294_967_296_001, 10_413_791_999_999]
    table.insert(rows_of(*(event(timestamp_ms=ms) for ms in times)))
    answer = query("SELECT toUnixTimestamp64Milli(timestamp) FROM events FINAL ORDER BY 1")
    assert [ms for (ms,) in answer] == times


@stack
async def test_an_event_without_anything_optional_is_stored(table: Table, event: Event, query: Query) -> None:
    bare = event(event_data="", visitor_id="", event_name="", event_type=EventType.EVENT_TYPE_PAGEVIEW)
    table.insert(rows_of(bare))
    answer = query("SELECT event_type, session_id, property_keys, screen_width FROM events FINAL")
    assert answer == [("pageview", UUID(int=0), [], 0)]


@stack
async def test_copies_lie_in_one_table_partition_and_count_once_whenever_they_were_accepted(
    table: Table, event: Event, query: Query
) -> None:
    first = event(received_at_ms=1_794_000_000_000, visitor_id="first")
    months_later = EnrichedEvent()
    months_later.CopyFrom(first)
    months_later.received_at_ms, months_later.visitor_id = 1_799_000_000_000, "second"
    for copy in (months_later, first, months_later):
        table.insert([row(copy, 0, copy.received_at_ms)])
        table.insert([row(copy, 1, copy.received_at_ms)])
    assert query("SELECT uniqExact(_partition_id) FROM events") == [(1,)]
    # The copy accepted first is the one that answers, whatever order they came in.
    assert query(f"SELECT visitor_id FROM events {FINAL}") == [("first",)]
    assert query(f"SELECT count() FROM events {FINAL}") == [(1,)]


@stack
async def test_the_same_block_again_is_not_written_again(table: Table, event: Event, query: Query) -> None:
    # Two table partitions: each part of the block must be known by itself.
    block = rows_of(*(event(identity_day=20_763 - 7 * n) for n in range(2)))
    table.insert(block)
    table.insert(block)
    assert query("SELECT count(), uniqExact(_partition_id) FROM events") == [(2, 2)]


@stack
async def test_rows_that_were_taken_away_can_be_written_again_by_another_process(
    database: str, event: Event, query: Query
) -> None:
    block = rows_of(event(), event())
    for process in ("one", "two"):
        with closing(Table(database, timeout_seconds=20, process=process)) as table:
            table.insert(block)
        assert query("SELECT count() FROM events") == [(2,)]
        query("ALTER TABLE events DELETE WHERE 1 SETTINGS mutations_sync = 2")
        assert query("SELECT count() FROM events") == [(0,)]


@stack
async def test_wild_days_make_53_table_partitions_at_most(table: Table, event: Event, query: Query) -> None:
    times = [0, 1, 2_147_483_647_999, 10_413_791_999_999]
    days = [-(2**31), -1, 0, 65_535, 65_536, 2**31 - 1]
    events = [event(timestamp_ms=ms, identity_day=day) for ms in times for day in days]
    for _ in range(2):
        table.insert(rows_of(*events))
    assert query(f"SELECT count() FROM events {FINAL}") == [(len(events),)]
    table.insert(rows_of(*(event(identity_day=day) for day in range(0, 65_536, 97))))
    assert query("SELECT uniqExact(_partition_id) FROM events") == [(53,)]


@stack
async def test_other_events_at_the_same_offsets_are_written(table: Table, event: Event, query: Query) -> None:
    # A topic that was deleted and made anew counts its offsets from 0 again.
    table.insert(rows_of(event(), event()))
    table.insert(rows_of(event(), event()))
    assert query("SELECT count() FROM events") == [(4,)]


@stack
async def test_refused_rows_are_found_and_the_others_written(
    table: Table, event: Event, query: Query
) -> None:
    query("ALTER TABLE events ADD CONSTRAINT no_bad CHECK event_name != 'bad'")
    names = ["good"] * 21
    names[0] = names[7] = names[20] = "bad"
    insertion = Insertion(rows_of(*(event(event_name=name) for name in names)))
    insertion.run(table.insert)
    assert {refused[COLUMNS.index("enriched_offset")] for refused, _ in insertion.refused} == {0, 7, 20}
    assert {str(error) for _, error in insertion.refused} == {
        "ClickHouse refuses with code 469 VIOLATED_CONSTRAINT"
    }
    assert query("SELECT count(), countIf(event_name = 'bad') FROM events") == [(18, 0)]


@stack
async def test_one_bad_row_of_ten_thousand_is_found_in_thirty_inserts(
    table: Table, event: Event, query: Query
) -> None:
    query("ALTER TABLE events ADD CONSTRAINT no_bad CHECK event_name != 'bad'")
    good = row(event(), 3, 0)
    id_column, offset_column = COLUMNS.index("event_id"), COLUMNS.index("enriched_offset")

    def numbered(values: Row, number: int) -> Row:
        changed = list(values)
        changed[id_column], changed[offset_column] = UUID(int=number), number
        return tuple(changed)

    rows = [numbered(good, number) for number in range(10_000)]
    rows[6174] = numbered(row(event(event_name="bad"), 3, 0), 6174)
    inserts = 0

    def counted(part: Sequence[Row]) -> None:
        nonlocal inserts
        inserts += 1
        table.insert(part)

    insertion = Insertion(rows)
    insertion.run(counted)
    assert inserts <= 30
    assert [refused[offset_column] for refused, _ in insertion.refused] == [6174]
    assert query("SELECT count(), uniqExact(event_id) FROM events") == [(9999, 9999)]


@stack
async def test_a_value_that_the_driver_cannot_encode_is_refused_and_the_connection_goes_on(
    table: Table, event: Event, query: Query
) -> None:
    good, broken = rows_of(event(), event())
    too_wide = tuple(
        2**63 if name == "raw_offset" else value for name, value in zip(COLUMNS, broken, strict=True)
    )
    with pytest.raises(RowsRefused) as refused:
        table.insert([good, too_wide])
    assert not refused.value.certain
    assert str(2**63) not in str(refused.value)
    insertion = Insertion([good, too_wide])
    insertion.run(table.insert)
    assert [row for row, _ in insertion.refused] == [too_wide]
    assert query("SELECT count() FROM events") == [(1,)]


@stack
async def test_a_missing_table_or_column_is_our_fault(table: Table, event: Event, query: Query) -> None:
    table.verify()
    query("ALTER TABLE events DROP COLUMN language")
    with pytest.raises(TableFault, match=r"lacks language; run: python -m writer migrate"):
        table.verify()
    with pytest.raises(TableFault, match=r"code \d+ \w+"):
        table.insert(rows_of(event()))
    query("DROP TABLE events SYNC")
    with pytest.raises(TableFault, match=r"does not exist; run: python -m writer migrate"):
        table.verify()
    with pytest.raises(TableFault, match="code 60 UNKNOWN_TABLE"):
        table.insert(rows_of(event()))


@stack
async def test_a_table_with_an_older_sorting_key_is_said_to_need_more_than_a_migration(
    table: Table, query: Query
) -> None:
    query("DROP TABLE events SYNC")
    query("CREATE TABLE events (event_id UUID) ENGINE = ReplacingMergeTree ORDER BY event_id")
    with pytest.raises(TableFault, match=r"lacks event_id_high: .* drop the database, then run"):
        table.verify()


@stack
async def test_a_table_that_keeps_copies_is_our_fault(table: Table, query: Query) -> None:
    query("CREATE TABLE plain AS events ENGINE = MergeTree ORDER BY event_id_high")
    query("DROP TABLE events SYNC")
    query("RENAME TABLE plain TO events")
    with pytest.raises(TableFault, match="engine MergeTree, which keeps every copy"):
        table.verify()


@stack
async def test_a_missing_database_is_our_fault(clickhouse: str, event: Event) -> None:
    with (
        closing(Table(f"{clickhouse}/writer_test_absent", timeout_seconds=20)) as absent,
        pytest.raises(TableFault, match="code 81 UNKNOWN_DATABASE"),
    ):
        absent.insert(rows_of(event()))


def test_a_distributed_table_acknowledges_only_what_its_shards_have(
    event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[dict[str, Any]] = []

    class Engine:
        def execute(self, *_: Any, settings: dict[str, Any], **__: Any) -> None:
            used.append(settings)

    monkeypatch.setattr("writer.connection.connect", lambda *_, **__: Engine())
    Table("clickhouse://nowhere/x", timeout_seconds=1).insert(rows_of(event()))
    assert used[0]["distributed_foreground_insert"] == 1


@stack
async def test_the_engine_knows_every_setting_of_an_insert(query: Query) -> None:
    names = (
        "insert_deduplication_token",
        "insert_deduplicate",
        "async_insert",
        "distributed_foreground_insert",
        "max_partitions_per_insert_block",
    )
    assert query("SELECT count() FROM system.settings WHERE name IN %(names)s", {"names": names}) == [
        (len(names),)
    ]


def test_nobody_there_is_unavailable(event: Event, unused_tcp_port: int) -> None:
    table = Table(f"clickhouse://127.0.0.1:{unused_tcp_port}/x", timeout_seconds=2)
    with pytest.raises(ClickHouseUnavailable, match="no answer from ClickHouse"):
        table.insert(rows_of(event()))


def test_every_code_has_one_meaning() -> None:
    meanings = (OUR_FAULT, DATA_FAULT, TROUBLE, OVERLOADED)
    assert len(frozenset().union(*meanings)) == sum(map(len, meanings))
    assert isinstance(judgement(75), ClickHouseUnavailable)
    fault, certain, unknown = judgement(60), judgement(469), judgement(100_000)
    assert isinstance(fault, TableFault)
    assert isinstance(certain, RowsRefused)
    assert certain.certain
    assert isinstance(unknown, RowsRefused)
    assert not unknown.certain
    assert str(unknown) == "ClickHouse refuses with code 100000"


@stack
async def test_final_compares_within_a_week_and_leaves_weeks_in_one_part_alone(
    table: Table, event: Event, query: Query
) -> None:
    copied = event()
    table.insert(rows_of(copied, event(identity_day=20_763 - 7)))
    table.insert(rows_of(event(), event(identity_day=20_763 - 7)))
    query("OPTIMIZE TABLE events FINAL")
    assert query(
        "SELECT DISTINCT partition FROM system.parts WHERE table = 'events' AND active AND database ="
        " currentDatabase() ORDER BY partition"
    ) == [("44",), ("45",)]
    assert not _compares(query)
    query("SYSTEM STOP MERGES events")
    table.insert(rows_of(copied))
    assert _compares(query)
    assert query(
        "SELECT toISOWeek(identity_day) AS week, count() FROM events FINAL GROUP BY week ORDER BY week"
    ) == [(44, 2), (45, 2)]


def _compares(query: Query) -> bool:
    plan = query("EXPLAIN PIPELINE SELECT count() FROM events FINAL WHERE visitor_id != ''")
    return any("Replacing" in line for (line,) in plan)
