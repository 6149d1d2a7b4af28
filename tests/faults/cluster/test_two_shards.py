"""What services send, on two shards: each answer is that of one server with the same rows."""

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import UUID

import httpx
import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from auditor.checkpoints import Place
from auditor.entries import RawEntry, RejectedEntry
from auditor.ledger import Ledger
from auditor.statements import Expired, Log, Slice, Standing
from enricher.replay.stored import Stored
from enricher.replay.time_range import TimeRange
from eventrail import metrics
from eventrail.clickhouse import connect
from eventrail.clock import ManualClock
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType, RawPosition
from eventrail.erasures.request import Erasure
from eventrail.errors import ConfigurationError
from eventrail.rows.events import LATEST_MS, Row, row
from eventrail.rows.reading import READING_SETTINGS, events_once
from query_api.app import create_app
from query_api.clickhouse import ClickHouse
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings
from tests.faults.cluster.conftest import SETTINGS, Sharded, pretend
from writer import erasure_tables, migrations
from writer.cluster import rows_of
from writer.table import Table

pytestmark = pytest.mark.stack

NOW_MS = 1_794_000_000_000
HOUR_MS = 3_600_000
EVENTS = 200
DAYS = "start_date=2026-11-01&end_date=2026-11-08"
QUESTIONS = [
    *(
        f"/api/websites/shop/{path}&{DAYS}&include_bots=true"
        for path in (
            "events?",
            "events?include=visitors,previous&search=p&limit=3",
            "events/properties?event_name=purchase",
            "events/properties?event_name=purchase&values=2&prop.plan[not]=p1",
            "events/timeseries?event_name=purchase&granularity=day",
            "events/timeseries?event_name=purchase&granularity=week&include=visitors,previous&breakdown=prop.plan",
        )
    ),
    "/api/pipeline/ledger",
    "/api/pipeline/rejected",
    "/api/pipeline/rates",
]
QUERY = "/api/websites/shop/events/query"
BODY = {
    "metrics": ["count", "visitors"],
    "group_by": ["prop.plan", "country"],
    "granularity": "day",
    "limit": 2,
    "start_date": "2026-11-01",
    "end_date": "2026-11-08",
}


def _event(number: int, chance: random.Random, copy: int = 0) -> EnrichedEvent:
    """A copy of event `number`: its identity is that of all others, everything else is not."""
    received_ms = NOW_MS - number * HOUR_MS // 2 + copy * 40 * 24 * HOUR_MS
    return EnrichedEvent(
        website_id="shop" if number % 7 else "other",
        event_id=str(UUID(int=random.Random(number).getrandbits(128), version=4)),
        event_type=EventType.EVENT_TYPE_CUSTOM,
        event_name=("purchase", "signup")[number % 2],
        timestamp_ms=NOW_MS - number * HOUR_MS // 2 + chance.randrange(-HOUR_MS, HOUR_MS),
        received_at_ms=received_ms,
        identity_day=20_763,
        visitor_id=f"v{chance.randrange(30)}",
        event_data=f'{{"plan":"p{chance.randrange(3)}","n":{number}}}',
        raw_position=RawPosition(partition=number % 3, offset=number, index=0),
    )


def _rows() -> list[Row]:
    """Every third event three times: in different parts and months, with another time and visitor."""
    chance = random.Random(7)
    made = [
        row(_event(number, chance, copy), number % 2, number)
        for number in range(EVENTS)
        for copy in range(1 if number % 3 else 3)
    ]
    chance.shuffle(made)
    return made


def _fill(url: str, rows: list[Row]) -> None:
    with closing(Table(url, timeout_seconds=30, process="p")) as table:
        table.verify()
        for begin in range(0, len(rows), 60):
            table.insert(rows[begin : begin + 60])
        table.insert(rows[:60])  # an insert whose acknowledgement was lost


@contextmanager
def _client(url: str) -> Iterator[Client]:
    client = connect(url, timeout_seconds=60)
    yield client
    client.disconnect()


@pytest.fixture(scope="module", autouse=True)
def filled(sharded: Sharded, single: str) -> None:
    """The same rows on both sides."""
    for url in (sharded.url, single):
        _fill(url, _rows())
        with closing(Ledger(url, query_seconds=30)) as ledger:
            _fill_ledger(ledger)


async def _answers(url: str) -> dict[str, dict[str, dict[str, object]]]:
    catalogue = Metrics(metrics.registry("query-api"))
    engine = ClickHouse(url, QueryApiSettings(), catalogue)
    app = create_app(engine, ManualClock(unix_ms=NOW_MS), QueryApiSettings(), catalogue)
    found: dict[str, dict[str, dict[str, object]]] = {}
    try:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://query-api") as asking:
            for question in [*QUESTIONS, QUERY]:
                posted = question == QUERY
                answer = await (asking.post(question, json=BODY) if posted else asking.get(question))
                assert answer.status_code == 200, (question, answer.text)
                found[question] = answer.json()
                for cost in ("rows_read", "bytes_read", "milliseconds"):
                    found[question].get("meta", {}).pop(cost, None)
    finally:
        engine.close()
    return found


async def test_every_answer_of_the_query_api(sharded: Sharded, single: str) -> None:
    found = await _answers(sharded.url)
    assert found == await _answers(single)
    assert str(found).count("purchase") > 3


def test_each_event_counts_once_and_both_shards_take_part(sharded: Sharded) -> None:
    with _client(sharded.url) as client:
        counted = client.execute(events_once(["shardNum() AS shard", "count()"], "1") + " GROUP BY shard")
        [(stored,)] = client.execute(
            "SELECT total_rows FROM system.tables WHERE database = currentDatabase() AND name = 'events_local'"
        )
    assert sorted(shard for shard, _ in counted) == [1, 2]
    assert min(count for _, count in counted) > EVENTS // 4
    assert sum(count for _, count in counted) == EVENTS
    assert stored > EVENTS, "there are copies"


def _fill_ledger(ledger: Ledger) -> None:
    chance = random.Random(7)
    minute = NOW_MS // 60_000 * 60
    events = [_event(number, chance) for number in range(EVENTS + 40)]
    raw = [
        RawEntry(
            minute - number % 3 * 60,
            number % 3,
            number,
            0,
            9,
            event.website_id,
            event.event_name,
            row(event, 0, 0)[2],
            UUID(event.event_id),
        )
        for number, event in enumerate(events)
    ]
    rejected = [
        RejectedEntry(
            one.raw_partition,
            one.raw_offset,
            0,
            stage,
            "x",
            one.website_id,
            one.event_id,
            "t",
            0,
            1,
            0,
            minute,
        )
        for one in raw[EVENTS + 20 :]
        for stage in (1, 2)
    ]
    ledger.put(raw, rejected)
    ledger.put(raw, rejected)
    ledger.save_logs([Log(partition, 9, Place(9, 200)) for partition in range(3)], NOW_MS)
    ledger.save_logs([Log(partition, 9, Place(9, 220)) for partition in range(3)], NOW_MS + 1)
    ledger.save_expired([Expired(1, 9, 205, 215, 0, minute)])
    ledger.save_minutes([(minute, ("enricher", "enriched"), 3), (minute, ("writer", "stored"), 2)], NOW_MS)
    ledger.save_minutes([(minute, ("writer", "stored"), 3)], NOW_MS + 1)


def _books(url: str) -> dict[str, object]:
    minute = NOW_MS // 60_000 * 60
    minutes = (minute, minute - 60, minute - 120)
    places = {partition: Place(9, 230) for partition in range(3)}
    standing = Standing(places, places, (Expired(1, 9, 205, 215, 0, minute),))
    with closing(Ledger(url, query_seconds=30)) as ledger:
        ledger.verify()
        return {
            "facts": sorted(ledger.facts(Slice(minutes), standing), key=str),
            "slices": [sorted(ledger.facts(Slice(minutes, part, 3), standing), key=str) for part in range(3)],
            "unaccounted": ledger.unaccounted(Slice(minutes), standing, 100),
            "logs": sorted(ledger.logs()),
            "expired": ledger.expired(),
            "results": ledger.results(0),
            "minutes": sorted(one[:1] for one in ledger.minutes(1)),
        }


def test_every_question_of_the_auditor(sharded: Sharded, single: str) -> None:
    books = _books(sharded.url)
    assert books == _books(single)
    assert books["unaccounted"]
    assert len(books["facts"]) > 3  # type: ignore[arg-type]


def _replay(url: str) -> dict[str, object]:
    within = TimeRange(NOW_MS - 60 * HOUR_MS, NOW_MS + 1)
    chance = random.Random(7)
    anew = [row(_event(number, chance), number % 2, number) for number in range(60)]
    with closing(Stored(url, within, f"events_replay_{random.randrange(10**9)}")) as stored:
        stored.make_shadow()
        stored.put(anew)
        found: dict[str, object] = {
            "partitions": stored.partitions(),
            "latest": stored.latest_before(0, 50),
            "past": list(stored.past()),
            "compared": stored.compare(),
            "examples": [stored.examples(column) for column in ("timestamp", "visitor_id", "event_data")],
        }
        stored.apply(1)
        found["again"] = stored.compare()
        stored.drop_shadow()
    with _client(url) as client:
        counts = events_once(["count()", "countIf(version >= bitShiftLeft(toUInt64(1), 48))"], "1")
        found["counts"] = client.execute(counts, settings=dict(READING_SETTINGS))
    return found


def test_every_statement_of_a_replay(sharded: Sharded, single: str) -> None:
    replayed = _replay(sharded.url)
    assert replayed == _replay(single)
    assert replayed["compared"].changed > 0  # type: ignore[attr-defined]
    assert replayed["again"].changed == 0  # type: ignore[attr-defined]
    assert replayed["counts"][0][0] == EVENTS  # type: ignore[index]


def test_a_subquery_of_one_shard_alone_is_refused_and_not_answered_wrong(sharded: Sharded) -> None:
    with _client(sharded.url) as client, pytest.raises(ServerException) as refused:
        client.execute(
            "SELECT count() FROM ledger_rejected WHERE raw_offset IN (SELECT raw_offset FROM ledger_raw)"
        )
    assert refused.value.code == 288


def test_what_changes_rows_is_refused_on_the_plain_name_and_works_on_the_local_one(
    sharded_alone: Sharded,
) -> None:
    _fill(sharded_alone.url, _rows())
    with _client(sharded_alone.url) as client:
        with pytest.raises(ServerException) as refused:
            client.execute("DELETE FROM events WHERE website_id = 'shop'")
        assert refused.value.code == 36
        client.execute("DELETE FROM events_local WHERE website_id = 'shop'")
        assert client.execute(events_once(["DISTINCT website_id"], "1")) == [("other",)]


def test_migrating_again_changes_nothing(sharded: Sharded, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch)
    assert migrations.migrate(sharded.url, SETTINGS) == []
    with _client(sharded.url) as client:
        client.execute("TRUNCATE TABLE schema_migrations_local")
    assert len(migrations.migrate(sharded.url, SETTINGS)) == len(migrations.migrations())


def test_a_cluster_that_was_cut_anew_is_refused(sharded: Sharded, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch)
    monkeypatch.setattr(migrations, "_shards", lambda _client, _name: "shards: 1x1, 2x1, 3x1")
    with pytest.raises(
        ConfigurationError, match="has shards: 1x1, 2x1, 3x1, but the tables were made for shards: 1x1, 2x1"
    ):
        migrations.migrate(sharded.url, SETTINGS)


def test_tables_of_the_other_kind_are_refused(sharded: Sharded, single: str) -> None:
    with pytest.raises(ConfigurationError, match="is on a cluster: set EVENTRAIL_CLICKHOUSE_CLUSTER"):
        migrations.migrate(sharded.url)
    with pytest.MonkeyPatch.context() as patched:
        pretend(patched)
        with pytest.raises(ConfigurationError, match="a cluster begins with an empty database"):
            migrations.migrate(single, SETTINGS)


def test_an_unknown_cluster_is_told(pair: str) -> None:
    with pytest.raises(
        ConfigurationError, match="EVENTRAIL_CLICKHOUSE_CLUSTER=three: the server has no such"
    ):
        migrations.migrate(f"{pair}/nothing", SETTINGS.model_copy(update={"cluster": "three"}))


def test_an_erasure(sharded_alone: Sharded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        erasure_tables, "rows_of", lambda *given: rows_of(*given).replace(" ON CLUSTER `pair`", "")
    )
    _fill(sharded_alone.url, _rows())
    asked = Erasure(
        website_id="shop",
        erasure_id=UUID(int=1),
        requested_at_ms=NOW_MS,
        covers_until_ms=LATEST_MS,
        visitor_ids=("v1", "v2"),
        event_ids=(),
        raw_ends={},
    )
    of_visitors = events_once(["count()"], "website_id = 'shop' AND visitor_id IN ('v1', 'v2')")
    with closing(erasure_tables.ErasureTables(sharded_alone.url, timeout_seconds=60)) as tables:
        tables.verify()
        tables.remember([asked], NOW_MS)
        assert tables.sweep(asked) > 5
        tables.finish([asked], NOW_MS)
        assert tables.done() == {asked.erasure_id}
        assert tables.known([], [("shop", "v1")]).visitors.keys() == {("shop", "v1")}
    with _client(sharded_alone.url) as client:
        assert client.execute(of_visitors, settings=dict(READING_SETTINGS)) == [(0,)]
        assert client.execute(events_once(["count()"], "website_id = 'shop'"))[0][0] > EVENTS // 2
