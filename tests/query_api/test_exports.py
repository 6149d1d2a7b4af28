"""Exports on the real engine: the bytes of a cursor are the same or it is gone, whatever is written meanwhile."""

import csv
import io
import json
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import httpx
import pyarrow as pa
import pytest
import pytest_asyncio
from clickhouse_driver import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from eventrail.clock import ManualClock
from eventrail.websites import ListedWebsites, ServerKey, Website, keys
from query_api.facts import FACTS
from query_api.queries import export as export_query
from query_api.settings import QueryApiSettings
from tests.query_api.stored import AFTER_MS, DAY_MS, FIRST_MS, PERIOD, Copy, insert, instant, serving, winners

pytestmark = pytest.mark.stack

RUNS = settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
DATA = '{"plan":"pro","n":1.50,\n"s":"a,\\"b\\r\\nc"}'


@pytest.fixture(scope="module")
def table(events_database: str) -> Iterator[Client]:
    client = Client.from_url(events_database)
    client.execute(
        "CREATE TABLE IF NOT EXISTS erasures "
        "(website_id String, erasure_id UUID, stage UInt8, at DateTime64(3, 'UTC')) "
        "ENGINE = ReplacingMergeTree(stage) ORDER BY (website_id, erasure_id)"
    )
    yield client
    client.disconnect()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(events_database: str, table: Client) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(events_database, QueryApiSettings()) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def small_pages() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_query, "PAGE_ROWS", 3)
        yield


async def download(api: httpx.AsyncClient, website: str, **parameters: Any) -> httpx.Response:
    return await api.get(f"/api/websites/{website}/export", params={**PERIOD, **parameters})


async def get(api: httpx.AsyncClient, website: str, **parameters: Any) -> httpx.Response:
    answer = await download(api, website, **parameters)
    assert answer.status_code == 200, answer.text
    return answer


def key(copy: Copy) -> Any:
    return copy.event_name.encode(), copy.identity_day, copy.event_id.int


def exported(copies: Sequence[Copy]) -> list[Copy]:
    found = [
        copy
        for copy in winners(copies)
        if FIRST_MS <= copy.timestamp < AFTER_MS and copy.bot_kind != "crawler"
    ]
    return sorted(found, key=key)


def rows_of(answer: httpx.Response) -> list[tuple[Any, ...]]:
    rows = [json.loads(line) for line in answer.text.splitlines()]
    return [
        (row["event_id"], row["event_name"], row["identity_day"], row["timestamp"], row["path"])
        for row in rows
    ]


def expected(copies: Sequence[Copy]) -> list[tuple[Any, ...]]:
    return [
        (str(one.event_id), one.event_name or None, str(one.identity_day), instant(one.timestamp), one.path)
        for one in copies
    ]


@st.composite
def events(draw: st.DrawFn) -> list[Copy]:
    made: list[Copy] = []
    for offset in range(draw(st.integers(0, 14))):
        name = draw(st.sampled_from(["", "a", "b'%s\\", "é\u2028"]))
        event = Copy(
            event_name=name,
            event_type="custom" if name else "pageview",
            event_id=uuid.UUID(int=draw(st.sampled_from([1, 2**64, 2**127])) + draw(st.integers(0, 3))),
            identity_day=date(2026, 2, draw(st.integers(1, 2))),
            timestamp=draw(st.sampled_from([FIRST_MS - 1, FIRST_MS, FIRST_MS + 1, AFTER_MS - 1, AFTER_MS])),
            version=draw(st.integers(10, 99)),
            path=draw(st.sampled_from(["/", "/a", '/"quoted", \r\n'])),
            bot_kind=draw(st.sampled_from(["none", "none", "crawler"])),
            enriched_partition=draw(st.integers(0, 2)),
            enriched_offset=offset,
            event_data=draw(st.sampled_from(["", DATA])),
        )
        if all(event.identity != other.identity for other in made):
            made.append(event)
    return made


async def files(
    api: httpx.AsyncClient, website: str, limit: int, **parameters: Any
) -> AsyncIterator[httpx.Response]:
    cursor: dict[str, str] = {}
    for _ in range(50):
        answer = await get(api, website, **{**parameters, "limit": str(limit), **cursor})
        yield answer
        if "eventrail-next-cursor" not in answer.headers:
            return
        cursor = {"cursor": answer.headers["eventrail-next-cursor"]}
    raise AssertionError("the files have no end")


@RUNS
@given(made=events(), others=events(), limit=st.integers(1, 7), data=st.data())
async def test_files_cover_all_rows_once_and_stay_the_same_while_others_arrive(
    made: list[Copy], others: list[Copy], limit: int, data: st.DataObject,
    api: httpx.AsyncClient, table: Client,
) -> None:  # fmt: skip
    website = uuid.uuid4().hex
    insert(table, website, made)
    whole = await get(api, website)
    assert rows_of(whole) == expected(exported(made))
    assert whole.headers["eventrail-total-rows"] == str(len(exported(made)))
    start = {"cursor": whole.headers["eventrail-cursor"]}

    found = b""
    arriving = [[one] for one in others if one.identity not in {copy.identity for copy in made}]
    # A copy that loses, of an event that is there; and what is new, behind what is stored of each partition.
    arriving += [[replace(one, version=1, path="/lost", enriched_offset=99)] for one in made]
    async for answer in files(api, website, limit, **start):
        found += answer.content
        start = {}
        if arriving:
            insert(table, website, [replace(one, enriched_offset=99) for one in arriving.pop()])
    assert found == whole.content

    lines = whole.content.splitlines(keepends=True)
    skip = data.draw(st.integers(0, len(lines)))
    rest = await get(api, website, cursor=whole.headers["eventrail-cursor"], skip=str(skip))
    assert rest.content == b"".join(lines[skip:])
    assert rest.headers["eventrail-cursor"] == whole.headers["eventrail-cursor"]


@RUNS
@given(made=events(), data=st.data())
async def test_csv_says_the_same_and_goes_on_without_its_header(
    made: list[Copy], data: st.DataObject, api: httpx.AsyncClient, table: Client
) -> None:
    website = uuid.uuid4().hex
    insert(table, website, made)
    lines = await get(api, website)
    whole = await get(api, website, format="csv")
    assert whole.headers["content-type"] == "text/csv; charset=utf-8"
    read = list(csv.DictReader(io.StringIO(whole.text, newline="")))
    assert len(read) == len(lines.text.splitlines())
    for row, line in zip(read, lines.text.splitlines(), strict=True):
        assert list(row) == list(FACTS)
        facts = json.loads(line)
        properties, text = facts.pop("properties"), row.pop("properties")
        assert (json.loads(text) if text else None) == properties
        facts["campaign_inherited"] = str(facts["campaign_inherited"]).lower()
        assert row == {name: value or "" for name, value in facts.items()}
    skip = data.draw(st.integers(1, len(read))) if read else 0
    rest = await get(api, website, format="csv", cursor=whole.headers["eventrail-cursor"], skip=str(skip))
    assert whole.content.endswith(rest.content)
    assert len(list(csv.reader(io.StringIO(rest.text, newline="")))) == (len(read) - skip if skip else 1)


@pytest.mark.parametrize("format_", ["parquet", "arrow"])
async def test_parquet_and_arrow_are_typed_and_whole_files_are_the_same(
    format_: str, api: httpx.AsyncClient, table: Client
) -> None:
    copies = [Copy(timestamp=FIRST_MS + n, event_data=DATA, enriched_offset=n) for n in range(8)]
    insert(table, format_, copies)
    answers = [answer async for answer in files(api, format_, 5, format=format_)]
    found = [read(format_, answer.content) for answer in answers]
    assert [part.num_rows for part in found] == [5, 3]
    assert found[0].schema.field("timestamp").type == pa.timestamp("ms", tz="UTC")
    assert found[0].schema.field("campaign_inherited").type == pa.bool_()
    lines = [json.loads(line) for line in (await get(api, format_)).text.splitlines()]
    rows = [row for part in found for row in part.to_pylist()]
    assert [row["event_id"] for row in rows] == [line["event_id"] for line in lines]
    assert [instant(round(row["timestamp"].timestamp() * 1000)) for row in rows] == [
        line["timestamp"] for line in lines
    ]
    assert json.loads(rows[0]["properties"]) == json.loads(DATA)
    assert (rows[0]["screen"], rows[0]["identity_day"]) == (None, date(2026, 2, 3))
    insert(table, format_, [Copy(enriched_offset=99)])
    for answer in answers:
        again = await get(api, format_, format=format_, limit="5", cursor=answer.headers["eventrail-cursor"])
        assert again.content == answer.content


def read(format_: str, content: bytes) -> pa.Table:
    if format_ == "parquet":
        return parquet.read_table(io.BytesIO(content))
    return pa.ipc.open_stream(content).read_all()


@pytest.mark.parametrize("format_", ["ndjson", "csv", "parquet", "arrow"])
async def test_an_export_of_nothing_is_a_whole_file(
    format_: str, api: httpx.AsyncClient, table: Client
) -> None:
    answer = await get(api, "nobody", format=format_, columns="event_id,timestamp")
    again = await get(
        api, "nobody", format=format_, columns="event_id,timestamp", cursor=answer.headers["eventrail-cursor"]
    )
    assert again.content == answer.content
    if format_ in ("parquet", "arrow"):
        assert read(format_, answer.content).column_names == ["event_id", "timestamp"]
    else:
        assert answer.text == {"ndjson": "", "csv": "event_id,timestamp\r\n"}[format_]


@dataclass(frozen=True)
class Later:
    """Something that happens to the table after an export was begun, and whether its bytes may stay the same."""

    name: str
    copies: tuple[Copy, ...] = ()
    sql: str = ""
    gone: str | None = None


IDS = [uuid.UUID(int=number) for number in range(1, 7)]
HELD = [Copy(event_id=one, version=50, enriched_offset=n, raw_offset=n) for n, one in enumerate(IDS)]
ERASED = (
    "ALTER TABLE events DELETE WHERE website_id = '{website}' AND event_id_low = {id};"
    f"INSERT INTO erasures (website_id, erasure_id, stage, at) SELECT '{{website}}', generateUUIDv4(), 2, "
    f"fromUnixTimestamp64Milli({AFTER_MS})"
)
LATER = [
    Later("nothing"),
    Later("new events", (Copy(enriched_offset=100), Copy(enriched_partition=7))),
    Later("a client's retry, accepted later", (replace(HELD[3], version=49, enriched_offset=100),)),
    Later("the writer inserts a block again", (HELD[3], HELD[4])),
    Later("merges", sql="OPTIMIZE TABLE events FINAL"),
    Later(
        "an earlier accepted copy that arrives later wins",
        (replace(HELD[3], version=51, enriched_offset=100, path="/earlier"),),
        gone="changed",
    ),
    Later(
        "the same, from a partition that had nothing",
        (replace(HELD[3], version=51, enriched_partition=5, path="/earlier"),),
        gone="changed",
    ),
    Later(
        "the enricher's replay writes other facts",
        (replace(HELD[3], enriched_offset=100, country="FR"),),
        gone="changed",
    ),
    Later(
        "rows rewritten in place",
        sql="ALTER TABLE events UPDATE place = concat('FR', char(31), char(31)) "
        "WHERE website_id = '{website}' AND event_id_low = {id}",
        gone="changed",
    ),
    Later(
        "rows are deleted",
        sql="ALTER TABLE events DELETE WHERE website_id = '{website}' AND event_id_low = {id}",
        gone="changed",
    ),
    Later("an erasure", sql=ERASED, gone="erased"),
]


@pytest.mark.parametrize("later", LATER, ids=lambda later: later.name)
async def test_the_same_bytes_or_gone(
    later: Later, events_database: str, api: httpx.AsyncClient, table: Client
) -> None:
    website = uuid.uuid4().hex
    insert(table, website, HELD)
    whole = await get(api, website)
    parts = [answer async for answer in files(api, website, 4)]
    insert(table, website, later.copies)
    if later.sql:
        table.execute("SYSTEM START MERGES events")
        for statement in later.sql.format(website=website, id=IDS[3].int).split(";"):
            table.execute(statement, settings={"mutations_sync": 1})
        table.execute("SYSTEM STOP MERGES events")
    for answer in (whole, *parts):
        limit = {"limit": "4"} if answer is not whole else {}
        again = await download(api, website, cursor=answer.headers["eventrail-cursor"], **limit)
        if later.gone:
            assert again.status_code == 410
            error = again.json()["error"]
            assert (error["code"], error["reason"], error["field"]) == ("gone", later.gone, "cursor")
        else:
            assert again.content == answer.content


async def test_a_replay_of_the_enricher_gives_the_same_bytes_or_gone(
    api: httpx.AsyncClient, table: Client
) -> None:
    website = uuid.uuid4().hex
    insert(table, website, HELD)
    whole = await get(api, website)
    insert(table, website, [replace(copy, enriched_offset=100 + n) for n, copy in enumerate(HELD)])
    again = await download(api, website, cursor=whole.headers["eventrail-cursor"])
    assert again.status_code == 410 or again.content == whole.content


async def test_events_that_the_website_keeps_no_longer_are_expired(
    events_database: str, table: Client
) -> None:
    website = "kept"
    insert(table, website, [Copy(timestamp=FIRST_MS), Copy(timestamp=AFTER_MS - DAY_MS, enriched_offset=1)])
    clock = ManualClock(unix_ms=FIRST_MS + 2 * DAY_MS)
    secret = keys.make(bytes(keys.KEY_BYTES))
    key = ServerKey(id="analyst", hash=keys.hash_of(secret), scopes=frozenset({"export"}))
    websites = ListedWebsites(
        [Website(id="kept", name="Kept", domains=("kept.example",), retention_days=2, server_keys=(key,))]
    )
    async with serving(events_database, QueryApiSettings(), clock, websites) as api:
        api.headers["Authorization"] = f"Bearer {secret}"
        whole = await get(api, website)
        cursor = whole.headers["eventrail-cursor"]
        assert len(whole.text.splitlines()) == 2
        clock.advance(86_400)
        answer = await download(api, website, cursor=cursor)
    assert answer.status_code == 410
    assert answer.json()["error"]["reason"] == "expired"
