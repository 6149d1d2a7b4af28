"""What is written for a row, and that the table works the row out of it again."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from clickhouse_driver import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventrail.clock import MS_PER_DAY
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.rows.events import COLUMNS, LATEST_MS, Row, row, version
from eventrail.rows.stored import STORED_COLUMNS, id_time, stored_columns
from writer.migrations import migrate

Event = Callable[..., EnrichedEvent]

DAY = date(2026, 11, 6)
DAY_MS = int(datetime(2026, 11, 6, tzinfo=UTC).timestamp() * 1000)
V7_LOW = 0x8A1B2C3D4E5F6071


def v7(unix_ms: int) -> uuid.UUID:
    return uuid.UUID(int=unix_ms << 80 | 0x7E0F << 64 | V7_LOW)


def stored(made: Row) -> dict[str, Any]:
    return {name: values[0] for name, values in zip(STORED_COLUMNS, stored_columns([made]), strict=True)}


@pytest.mark.parametrize("ms", [DAY_MS, DAY_MS + 1, DAY_MS + MS_PER_DAY - 1])
def test_the_time_of_an_id_of_that_day_counts(ms: int) -> None:
    assert id_time(v7(ms), DAY) == ms


@pytest.mark.parametrize(
    "event_id",
    [
        v7(DAY_MS - 1),
        v7(DAY_MS + MS_PER_DAY),
        v7(2**48 - 1),
        uuid.UUID(int=DAY_MS << 80 | 0x4E0F << 64 | V7_LOW),
        uuid.UUID(int=DAY_MS << 80 | 0x7E0F << 64 | V7_LOW >> 1),
        uuid.UUID(int=0),
    ],
)
def test_any_other_id_counts_as_the_beginning_of_its_day(event_id: uuid.UUID) -> None:
    assert id_time(event_id, DAY) == DAY_MS


def test_what_repeats_something_else_is_not_written(event: Event) -> None:
    made = event(event_id=str(v7(DAY_MS + 5)), identity_day=20_763, timestamp_ms=DAY_MS + 5)
    made.event_data = '{"plan":"pro","product":{"id":1,"tags":[]},"none":null}'
    made.session_id = str(uuid.UUID(int=DAY_MS << 80 | 0x8000 << 64 | 0x8000000000000001))
    made.session_started_at_ms = DAY_MS
    made.page.url, made.page.host, made.page.path, made.page.query = (
        "https://a.example/p?q",
        "a.example",
        "/p",
        "q",
    )
    written = stored(row(made, 0, 0))
    assert (written["timestamp_offset"], written["session_start_offset"]) == (0, 0)
    assert written["other_url"] == written["other_event_data"] == ""
    assert written["event_shape"] == '{"plan":\0,"product":{"id":\0,"tags":\0},"none":null}'


@pytest.mark.parametrize(
    "url", ["http://a.example/p?q", "https://a.example/p?q#f", "https://a.example:443/p?q"]
)
def test_another_url_is_written(event: Event, url: str) -> None:
    made = event()
    made.page.url, made.page.host, made.page.path, made.page.query = url, "a.example", "/p", "q"
    assert stored(row(made, 0, 0))["other_url"] == url


@given(st.integers(0, LATEST_MS), st.integers(0, LATEST_MS), st.integers(0, 65_535), st.uuids())
def test_the_rank_orders_copies_as_their_versions_do(
    one: int, two: int, revision: int, event_id: uuid.UUID
) -> None:
    ranks = []
    for received_ms in (one, two):
        facts: dict[str, Any] = dict.fromkeys(COLUMNS, "")
        facts |= {"event_id": event_id, "identity_day": DAY, "timestamp": 0, "session_id": uuid.UUID(int=0)}
        facts |= {"session_started_at": 0, "version": version(received_ms, revision)}
        ranks.append(stored(tuple(facts[name] for name in COLUMNS))["copy_rank"])
    assert (ranks[0] > ranks[1], ranks[0] == ranks[1]) == (one < two, one == two)
    assert all(0 <= rank < 2**64 for rank in ranks)


@pytest.fixture(scope="module")
def client(clickhouse: str) -> Iterator[Client]:
    url = f"{clickhouse}/stored_{uuid.uuid4().hex}"
    migrate(url)
    made = Client.from_url(url)
    yield made
    made.disconnect()


TEXT = st.text(max_size=6)
LEAVES = st.one_of(st.none(), st.booleans(), TEXT, st.integers(-(10**25), 10**25), st.just(49.9))
DOCUMENTS = st.dictionaries(
    st.one_of(st.sampled_from(["", "a", "a.b", "*", '"', "\\", "/", "\0"]), TEXT),
    st.recursive(
        LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(TEXT, inner, max_size=2))
    ),
    max_size=4,
)
TIMES = st.integers(0, LATEST_MS)


def read_back(client: Client, event: EnrichedEvent) -> dict[str, Any]:
    client.execute("TRUNCATE TABLE events")
    made = stored_columns([row(event, 3, 9)])
    client.execute(f"INSERT INTO events ({', '.join(STORED_COLUMNS)}) VALUES", made, columnar=True)
    times = {"timestamp", "received_at", "session_started_at"}
    wanted = [f"toUnixTimestamp64Milli({name})" if name in times else name for name in COLUMNS]
    wanted = [
        f"toInt8({name})" if name in {"event_type", "visitor_source", "bot_kind"} else name for name in wanted
    ]
    wanted = [f"arrayMap(x -> toInt8(x), {name})" if name == "property_types" else name for name in wanted]
    [found] = client.execute(f"SELECT {', '.join(wanted)} FROM events FINAL")
    return dict(zip(COLUMNS, found, strict=True))


@pytest.mark.stack
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.fixed_dictionaries(
        {"timestamp_ms": TIMES, "received_at_ms": TIMES, "session_started_at_ms": TIMES, "visitor_id": TEXT}
    ),
    st.one_of(
        st.uuids(),
        st.integers(0, 2**48 - 1).map(v7),
        st.integers(0, MS_PER_DAY).map(lambda n: v7(DAY_MS + n)),
    ),
    st.uuids(),
    DOCUMENTS,
    st.tuples(TEXT, TEXT, TEXT, TEXT),
)
def test_every_fact_of_a_row_comes_back(
    client: Client,
    event: Event,
    fields: dict[str, Any],
    event_id: uuid.UUID,
    session_id: uuid.UUID,
    document: dict[str, Any],
    names: tuple[str, str, str, str],
) -> None:
    text = json.dumps(document)
    made = event(
        **fields, event_id=str(event_id), session_id=str(session_id), identity_day=20_763, event_data=text
    )
    made.geo.country, made.geo.city, made.agent.browser, made.agent.os_version = names
    made.page.url, made.page.host, made.page.path = (
        f"https://a.example/{names[0]}",
        "a.example",
        f"/{names[1]}",
    )
    expected = dict(zip(COLUMNS, row(made, 3, 9), strict=True))
    for name in ("country", "city", "browser", "os_version"):
        expected[name] = expected[name].replace("\x1f", "\ufffd")
    found = read_back(client, made)
    assert json.loads(found.pop("event_data")) == document
    del expected["event_data"]
    assert found == expected


@pytest.mark.stack
def test_the_order_of_keys_and_the_text_of_numbers_come_back(client: Client, event: Event) -> None:
    text = '{"z":1.50,"a":{"y":12345678901234567890,"b":"/\\u0001é","t":[1.0,{"k":null}]},"n":null,"e":{},"c":true}'
    found = read_back(client, event(event_data=text))["event_data"]
    assert json.loads(found, parse_int=str, parse_float=str) == json.loads(
        text, parse_int=str, parse_float=str
    )
    assert list(json.loads(found)) == ["z", "a", "n", "e", "c"]
    assert list(json.loads(found)["a"]) == ["y", "b", "t"]
