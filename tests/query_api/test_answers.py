"""All three endpoints on the real engine agree with plain Python over the same events.

Every event is written as several copies, in several parts and months, with versions and timestamps that differ, since
that is what retries, replays and corrections leave behind. The copy with the highest version is the event.
"""

import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from clickhouse_driver import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventrail import metrics
from eventrail.clock import ManualClock
from eventrail.contract.names import trim
from eventrail.rows.reading import READING_SETTINGS, settings_clause
from eventrail.websites import keys
from eventrail.websites.watching import WebsitesFile
from query_api.app import create_app
from query_api.clickhouse import ClickHouse
from query_api.metrics import Metrics
from query_api.queries import events as events_query
from query_api.question import CRAWLERS, ask_list
from query_api.settings import QueryApiSettings
from tests import stored_events

pytestmark = pytest.mark.stack

START, END = date(2026, 2, 3), date(2026, 3, 18)
RANGE = {"start_date": str(START), "end_date": str(END)}
FIRST_MS = int(datetime(2026, 2, 3, tzinfo=UTC).timestamp() * 1000)
AFTER_MS = int(datetime(2026, 3, 19, tzinfo=UTC).timestamp() * 1000)
HOUR_MS = 3_600_000
COLUMNS = (
    "website_id", "event_name", "identity_day", "event_id", "event_type", "timestamp", "received_at", "revision",
    "property_keys", "property_values", "bot_kind",
)  # fmt: skip


@dataclass(frozen=True)
class Copy:
    """One row; `timestamp_ms` and `received_ms` are Unix milliseconds."""

    event_name: str
    event_id: uuid.UUID
    timestamp_ms: int
    received_ms: int
    version: int = 1
    properties: tuple[tuple[str, str], ...] = ()
    event_type: str = "custom"
    identity_day: date = START
    bot_kind: str = "none"

    def row(self, website: str) -> tuple[Any, ...]:
        return (
            website, self.event_name, self.identity_day, self.event_id, self.event_type, moment(self.timestamp_ms),
            moment(self.received_ms), self.version, [key for key, _ in self.properties],
            [value for _, value in self.properties], self.bot_kind,
        )  # fmt: skip


def moment(unix_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=unix_ms)


def by_count(counts: Counter[str]) -> list[tuple[str, int]]:
    """Count descending, then by the bytes of the text, as the engine orders."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0].encode()))


class Oracle:
    """The three answers, the slow and obvious way."""

    def __init__(self, copies: Sequence[Copy], left_out: Sequence[str] = CRAWLERS) -> None:
        winners: dict[Any, Copy] = {}
        for copy in copies:
            key = (copy.event_name, copy.identity_day, copy.event_id)
            if key not in winners or copy.version > winners[key].version:
                winners[key] = copy
        self.events = [
            copy
            for copy in winners.values()
            if copy.event_type == "custom"
            and copy.bot_kind not in left_out
            and FIRST_MS <= copy.timestamp_ms < AFTER_MS
        ]

    def named(self, name: str) -> list[Copy]:
        return [event for event in self.events if event.event_name == name]

    def list(self) -> Any:
        counts = Counter(event.event_name for event in self.events)
        return [{"event_name": name, "count": count} for name, count in by_count(counts)]

    def properties(self, name: str) -> Any:
        found: dict[str, Counter[str]] = {}
        for event in self.named(name):
            for key, value in event.properties:
                found.setdefault(key, Counter())[value] += 1
        totals = Counter({key: values.total() for key, values in found.items()})
        return [
            {
                "property_key": key,
                "values": [{"value": value, "count": count} for value, count in by_count(found[key])],
            }
            for key, _total in by_count(totals)
        ]

    def series(self, name: str, granularity: str) -> Any:
        counts = Counter(label(moment(event.timestamp_ms), granularity) for event in self.named(name))
        labels = dict.fromkeys(label(moment(ms), granularity) for ms in range(FIRST_MS, AFTER_MS, HOUR_MS))
        return {
            "series": [{"date": text, "count": counts[text]} for text in labels],
            "granularity": granularity,
        }


def label(when: datetime, granularity: str) -> str:
    if granularity == "hour":
        return when.strftime("%Y-%m-%dT%H:00:00Z")
    day = when.date()
    if granularity == "week":
        day -= timedelta(days=day.weekday())
    return str(day.replace(day=1) if granularity == "month" else day)


HOSTILE = [
    "", "*", "a.b", "'", '"', "\\", "\\'", "a'; DROP TABLE events; --", "%(website_id)s", "%", "%%s", "{bucket}",
    "\0", "\n", "\t", "\u2028", "é", "e\u0301", "😀", "SELECT 1", "$.a[0]", "null", "true", "1e400", "\x7f",
    "\\N", "`", "?",
]  # fmt: skip
texts = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(codec="utf-8"), max_size=12))
names = st.one_of(texts.map(trim).filter(bool), st.just("x" * 255))
stamps = st.one_of(
    st.sampled_from([FIRST_MS - 1, FIRST_MS, AFTER_MS - 1, AFTER_MS]),
    st.integers(FIRST_MS - 3 * 86_400_000, AFTER_MS + 3 * 86_400_000),
)
properties = st.dictionaries(texts, texts, max_size=3).map(lambda found: tuple(found.items()))


@st.composite
def copies_of_an_event(draw: st.DrawFn, pool: Sequence[str]) -> list[Copy]:
    """Copies that share their sort key; all else may differ, and a version stands for one content."""
    name, event_id = draw(st.sampled_from(pool)), uuid.UUID(int=draw(st.integers(0, 2**128 - 1)))
    day = START + timedelta(days=draw(st.integers(-3, 50)))
    event_type = draw(st.sampled_from(["custom", "custom", "custom", "pageview"]))
    versions = draw(st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=3, unique=True))
    made = []
    for version in versions:
        received = FIRST_MS + draw(st.integers(0, 90)) * 86_400_000
        bot_kind = draw(st.sampled_from(["none", "none", "crawler", "headless", "library"]))
        copy = Copy(
            name, event_id, draw(stamps), received, version, draw(properties), event_type, day, bot_kind
        )
        made += [copy] * draw(st.integers(1, 2))
    return made


@st.composite
def blocks_of_copies(draw: st.DrawFn) -> tuple[list[str], list[list[Copy]]]:
    """A few names, and all copies of all events dealt to three inserts."""
    pool = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    events = draw(
        st.lists(copies_of_an_event(pool), max_size=12, unique_by=lambda copies: copies[0].event_id)
    )
    blocks: list[list[Copy]] = [[], [], []]
    for copy in (copy for copies in events for copy in copies):
        blocks[draw(st.integers(0, 2))].append(copy)
    return pool, blocks


@pytest.fixture(scope="module")
def table(events_database: str) -> Iterator[Client]:
    client = Client.from_url(events_database)
    yield client
    client.disconnect()


@pytest.fixture(scope="module")
def settings_used() -> QueryApiSettings:
    return QueryApiSettings(max_points=2_000)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(events_database: str, settings_used: QueryApiSettings) -> AsyncIterator[ClickHouse]:
    made = ClickHouse(events_database, settings_used, Metrics(metrics.registry("query-api")))
    yield made
    made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(engine: ClickHouse, settings_used: QueryApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    catalogue = Metrics(metrics.registry("query-api"))
    app = create_app(engine, ManualClock(unix_ms=AFTER_MS - 1), settings_used, catalogue)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://query-api") as made:
        yield made


def insert(table: Client, website: str, block: Sequence[Copy]) -> None:
    if block:
        stored_events.insert(table, stored_events.rows(COLUMNS, [copy.row(website) for copy in block]))


async def ask(api: httpx.AsyncClient, website: str, what: str = "", **parameters: str) -> Any:
    answer = await api.get(f"/api/websites/{website}/events{what}", params={**RANGE, **parameters})
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"data"}
    return answer.json()["data"]


async def compare(
    api: httpx.AsyncClient, website: str, pool: Sequence[str], copies: Sequence[Copy], granularity: str
) -> None:
    for bots, left_out in (("false", CRAWLERS), ("true", ())):
        oracle = Oracle(copies, left_out)
        assert await ask(api, website, include_bots=bots) == oracle.list()
        for name in pool:
            found = await ask(api, website, "/properties", event_name=name, include_bots=bots)
            assert found == oracle.properties(name)
            found = await ask(
                api, website, "/timeseries", event_name=name, granularity=granularity, include_bots=bots
            )
            assert found == oracle.series(name, granularity)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(made=blocks_of_copies(), granularity=st.sampled_from(["hour", "day", "week", "month"]))
async def test_any_events_in_any_copies(
    made: tuple[list[str], list[list[Copy]]], granularity: str, api: httpx.AsyncClient, table: Client
) -> None:
    pool, blocks = made
    website = uuid.uuid4().hex
    insert(
        table, uuid.uuid4().hex, [copy for block in blocks for copy in block]
    )  # another website's, never counted
    present: list[Copy] = []
    for block in blocks:
        insert(table, website, block)
        present += block
        # Asked after each insert: what an earlier answer cached must not outlive the next copy.
        assert await ask(api, website) == Oracle(present).list()
    await compare(api, website, pool, present, granularity)


def spread(counts: dict[str, int], **given_values: Any) -> list[Copy]:
    day = int(datetime(2026, 2, 10, tzinfo=UTC).timestamp() * 1000)
    return [
        replace(Copy(name, uuid.uuid4(), day, day), **given_values)
        for name, count in counts.items()
        for _ in range(count)
    ]


async def test_the_list_of_the_spec(api: httpx.AsyncClient, table: Client) -> None:
    insert(table, "list", spread({"signup_click": 342, "purchase": 89, "demo_request": 156}))
    assert await ask(api, "list") == [
        {"event_name": "signup_click", "count": 342},
        {"event_name": "demo_request", "count": 156},
        {"event_name": "purchase", "count": 89},
    ]


async def test_the_properties_of_the_spec(api: httpx.AsyncClient, table: Client) -> None:
    plans = ["pro"] * 56 + ["enterprise"] * 33
    currencies = ["USD"] * 72 + ["EUR"] * 17
    made = spread({"purchase": 89})
    rows = [
        replace(copy, properties=(("plan", plan), ("currency", currency)))
        for copy, plan, currency in zip(made, plans, currencies, strict=True)
    ]
    insert(table, "properties", rows)
    # Both keys are on all 89 events, so the key decides; the spec states no order of keys.
    assert await ask(api, "properties", "/properties", event_name="purchase") == [
        {
            "property_key": "currency",
            "values": [{"value": "USD", "count": 72}, {"value": "EUR", "count": 17}],
        },
        {
            "property_key": "plan",
            "values": [{"value": "pro", "count": 56}, {"value": "enterprise", "count": 33}],
        },
    ]


async def test_the_series_of_the_spec(api: httpx.AsyncClient, table: Client) -> None:
    for day, count in ((1, 23), (2, 31), (3, 28)):
        noon = int(datetime(2026, 2, day, 12, tzinfo=UTC).timestamp() * 1000)
        insert(table, "series", spread({"signup_click": count}, timestamp_ms=noon, received_ms=noon))
    days = {"start_date": "2026-02-01", "end_date": "2026-02-03"}
    assert await ask(api, "series", "/timeseries", event_name="signup_click", granularity="day", **days) == {
        "series": [
            {"date": "2026-02-01", "count": 23},
            {"date": "2026-02-02", "count": 31},
            {"date": "2026-02-03", "count": 28},
        ],
        "granularity": "day",
    }


@pytest.fixture(scope="module")
def moved(table: Client) -> str:
    """A website with 20,000 events inside the range whose winning copies, a month later, lie outside of it."""
    ids = [uuid.UUID(int=random.Random(number).getrandbits(128)) for number in range(20_000)]
    old = [Copy("moved", event_id, FIRST_MS + number, FIRST_MS, 1) for number, event_id in enumerate(ids)]
    later = FIRST_MS + 40 * 86_400_000
    insert(table, "moved", old)
    insert(
        table, "moved", [replace(copy, timestamp_ms=AFTER_MS, received_ms=later, version=2) for copy in old]
    )
    return "moved"


async def test_a_copy_that_lost_is_not_counted_when_the_winner_is_out_of_range(
    api: httpx.AsyncClient, moved: str
) -> None:
    assert await ask(api, moved) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("do_not_merge_across_partitions_select_final", 1), ("use_skip_indexes_if_final_exact_mode", 0)],
)
def test_each_reading_setting_is_needed(table: Client, moved: str, name: str, value: int) -> None:
    question = ask_list(moved, f"start_date={START}&end_date={END}".encode(), END)
    statement = events_query.statement(question, 10)

    def answer(settings: Mapping[str, int]) -> list[Any]:
        rows: list[Any] = table.execute(statement.sql + settings_clause(settings), dict(statement.parameters))
        return rows

    assert answer(READING_SETTINGS) == []
    assert answer({**READING_SETTINGS, name: value}) == [("moved", 20_000, 1)]


async def test_an_event_without_properties_and_a_name_nobody_used(
    api: httpx.AsyncClient, table: Client
) -> None:
    insert(table, "bare", spread({"bare": 2}))
    assert await ask(api, "bare", "/properties", event_name="bare") == []
    assert await ask(api, "bare", "/properties", event_name="other") == []
    series = (await ask(api, "bare", "/timeseries", event_name="other"))["series"]
    assert len(series) == (END - START).days + 1
    assert {point["count"] for point in series} == {0}
    assert await ask(api, "nobody") == []


async def test_what_is_left_out_is_counted_exactly(events_database: str, table: Client) -> None:
    keys = tuple((f"key{number}", "v") for number in range(7))
    insert(table, "wide", spread({"wide": 2}, properties=keys))
    for number in range(5):
        insert(
            table, "wide", spread({f"name{number}": 1, "wide": 1}, properties=(("key0", f"value{number}"),))
        )
    small = QueryApiSettings(max_event_names=2, max_property_keys=3, max_property_values=4)
    engine = ClickHouse(events_database, small, Metrics(metrics.registry("query-api")))
    app = create_app(engine, ManualClock(unix_ms=AFTER_MS - 1), small, Metrics(metrics.registry("query-api")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://query-api") as api:
        listed = (await api.get("/api/websites/wide/events", params=RANGE)).json()
        broken_down = await api.get(
            "/api/websites/wide/events/properties", params={**RANGE, "event_name": "wide"}
        )
    engine.close()
    assert listed == {
        "data": [{"event_name": "wide", "count": 7}, {"event_name": "name0", "count": 1}],
        "meta": {"truncated": True, "event_names_left_out": 4},
    }
    assert broken_down.json() == {
        "data": [
            {
                "property_key": "key0",
                "values": [
                    {"value": "v", "count": 2},
                    {"value": "value0", "count": 1},
                    {"value": "value1", "count": 1},
                    {"value": "value2", "count": 1},
                ],
            },
            {"property_key": "key1", "values": [{"value": "v", "count": 2}]},
            {"property_key": "key2", "values": [{"value": "v", "count": 2}]},
        ],
        "meta": {"truncated": True, "property_keys_left_out": 4, "values_left_out": {"key0": 2}},
    }


async def test_the_whole_calendar(api: httpx.AsyncClient, table: Client) -> None:
    last = int(datetime(2149, 12, 31, 23, 59, 59, 999000, tzinfo=UTC).timestamp() * 1000)
    for stamp in (0, last):
        insert(table, "calendar", spread({"x": 1}, timestamp_ms=stamp, received_ms=FIRST_MS))
    parameters = {
        "start_date": "1970-01-01",
        "end_date": "2149-12-31",
        "event_name": "x",
        "granularity": "month",
    }
    answer = await api.get("/api/websites/calendar/events/timeseries", params=parameters)
    assert answer.status_code == 400
    assert "2160 points" in answer.json()["error"]["message"]
    edges = {"start_date": "2149-01-01", "end_date": "2149-12-31", "event_name": "x"}
    for granularity, dated in (("month", "2149-12-01"), ("week", "2149-12-29"), ("day", "2149-12-31")):
        found = await ask(api, "calendar", "/timeseries", **edges, granularity=granularity)
        assert found["series"][-1] == {"date": dated, "count": 1}


async def test_crawlers_are_left_out_and_headless_browsers_and_libraries_counted(
    api: httpx.AsyncClient, table: Client
) -> None:
    for kind, count in (("none", 1), ("crawler", 2), ("headless", 4), ("library", 8)):
        insert(table, "bots", spread({"a": count}, bot_kind=kind))
    insert(table, "bots", spread({"crawled": 3}, bot_kind="crawler"))
    assert await ask(api, "bots") == [{"event_name": "a", "count": 13}]
    assert await ask(api, "bots", include_bots="true") == [
        {"event_name": "a", "count": 15},
        {"event_name": "crawled", "count": 3},
    ]


async def test_a_website_may_leave_out_all_that_is_no_person(
    engine: ClickHouse, settings_used: QueryApiSettings, table: Client, tmp_path: Path
) -> None:
    for kind, count in (("none", 1), ("crawler", 2), ("headless", 4), ("library", 8)):
        insert(table, "people", spread({"a": count}, bot_kind=kind))
    file = tmp_path / "websites.yaml"
    key = keys.make(bytes(32))
    file.write_text(
        "websites:\n  - {id: people, name: People, domains: [people.example], exclude_headless: true,\n"
        f"     server_keys: [{{id: dashboard, hash: '{keys.hash_of(key)}', scopes: [read]}}]}}\n"
    )
    app = create_app(
        engine,
        ManualClock(unix_ms=AFTER_MS - 1),
        settings_used,
        Metrics(metrics.registry("query-api")),
        WebsitesFile(file),
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://query-api",
        headers={"Authorization": f"Bearer {key}"},
    ) as api:
        assert await ask(api, "people") == [{"event_name": "a", "count": 1}]
        assert await ask(api, "people", include_bots="true") == [{"event_name": "a", "count": 15}]
        assert (await api.get("/readyz")).json()["checks"]["websites"] == "ok"


async def test_a_copy_that_lost_decides_nothing(api: httpx.AsyncClient, table: Client) -> None:
    (old,) = spread({"a": 1}, bot_kind="none")
    insert(table, "relabelled", [old])
    insert(table, "relabelled", [replace(old, version=2, bot_kind="crawler")])
    assert (
        await ask(api, "relabelled")
        == Oracle([old, replace(old, version=2, bot_kind="crawler")]).list()
        == []
    )
