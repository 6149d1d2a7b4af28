"""What fits a filter in Python fits it in SQL, on the real engine, over the same events."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from clickhouse_driver import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventrail.contract.v1 import enriched_pb2 as pb
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.rows.events import row
from eventrail.rows.reading import SORT_KEY, settings_clause
from query_api.conditions import all_fit
from query_api.events_table import reading
from query_api.live.decoded import Decoded, decoded
from query_api.live.matching import fits, matches, text_of
from query_api.parameters import Parameters
from query_api.question.dimensions import DIMENSIONS
from query_api.question.filters import NUMERIC, PRESENCE, Condition, Operator, Property
from query_api.question.live import LiveQuestion
from query_api.question.period import Period
from query_api.question.selection import ALL_BOTS, CRAWLERS, EventType, Selection

pytestmark = pytest.mark.stack

WEBSITE = "shop"
DAY_MS = 86_400_000
AT_MS = 20_763 * DAY_MS

TEXTS = [
    "",
    "a",
    "A",
    "pro",
    "Pro plan",
    "É",
    "é",
    "ß",
    "İ",
    "a.b",
    "49.90",
    "49.9",
    "1e999",
    "true",
    "it's",
    "%",
    "0",
]
KEYS = ["plan", "amount", "a.b", "", "it's", "É"]
NUMBERS = [0, 1, -1, 49.9, 1e3, 2**53, 0.5, 1e300]

text = st.sampled_from(TEXTS)
leaf = text | st.sampled_from(NUMBERS) | st.booleans() | st.none() | st.lists(text, max_size=2)
branch = st.dictionaries(st.sampled_from(["b", ""]), leaf, max_size=2)
tree = st.dictionaries(st.sampled_from(KEYS), leaf | branch, max_size=4)


@st.composite
def events(draw: st.DrawFn) -> EnrichedEvent:
    custom = draw(st.booleans())
    document = draw(tree)
    data = json.dumps(document) if document else ""
    if draw(st.booleans()):
        data = data.replace("49.9", "49.90").replace("1000.0", "1E3").replace("1e+300", "1e999")
    return EnrichedEvent(
        website_id=WEBSITE,
        event_id=str(uuid4()),
        event_type=pb.EVENT_TYPE_CUSTOM if custom else pb.EVENT_TYPE_PAGEVIEW,
        event_name=draw(st.sampled_from(["purchase", "Purchase"])) if custom else "",
        timestamp_ms=AT_MS + draw(st.integers(-2, 2)),
        received_at_ms=AT_MS,
        identity_day=20_763,
        event_data=data,
        visitor_id=draw(text),
        session_id=draw(st.sampled_from(["", "0190a2b4-7e5c-7abc-8def-0123456789ab"])),
        page=pb.Page(url=draw(text), host=draw(text), path=draw(text)),
        geo=pb.Geo(country=draw(text), region=draw(text), city=draw(text)),
        agent=pb.Agent(browser=draw(text), browser_version=draw(text), os=draw(text), device_type=draw(text)),
        referrer=pb.Referrer(url=draw(text), domain=draw(text)),
        campaign=pb.Campaign(source=draw(text), medium=draw(text), campaign=draw(text), term=draw(text)),
        language=draw(text),
        screen=pb.Screen(width=draw(st.sampled_from([0, 1, 1920])), height=draw(st.sampled_from([0, 1080]))),
        bot=pb.Bot(kind=draw(st.sampled_from(pb.BotKind.values())), name=draw(text)),
        channel=draw(text),
    )  # fmt: skip


MADE_TEXTS = [
    "1920x1080",
    "1x0",
    "crawler",
    "headless",
    "none",
    "0190a2b4-7e5c-7abc-8def-0123456789ab",
    "0190",
]


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    dimension = draw(st.sampled_from([None, *DIMENSIONS.values()]))
    operators = set(Operator) if dimension is None else set(Operator) - NUMERIC
    operator = draw(st.sampled_from(sorted(operators)))
    field = dimension or Property(draw(st.sampled_from(KEYS)))
    if operator in PRESENCE:
        return Condition(field, operator)
    if operator in NUMERIC:
        count = 2 if operator is Operator.BETWEEN else 1
        values: list[Any] = sorted(
            draw(st.lists(st.sampled_from(NUMBERS).map(float), min_size=count, max_size=count))
        )
        return Condition(field, operator, tuple(values))
    value: Any = text | st.sampled_from(MADE_TEXTS)
    if dimension is None and operator in (Operator.IS, Operator.NOT):
        value = value | st.sampled_from(NUMBERS).map(float) | st.booleans()
    return Condition(field, operator, tuple(draw(st.lists(value, min_size=1, max_size=3))))


@st.composite
def questions(draw: st.DrawFn) -> LiveQuestion:
    name = draw(st.sampled_from([None, "purchase"]))
    return LiveQuestion(
        WEBSITE,
        EventType.CUSTOM if name else draw(st.sampled_from([None, *EventType])),
        name,
        draw(st.sampled_from([(), CRAWLERS, ALL_BOTS])),
        draw(st.sampled_from([0, AT_MS])),
        tuple(draw(st.lists(conditions(), max_size=2))),
    )


TYPES = {
    "identity_day": "Date",
    "event_id": "UUID",
    "session_id": "UUID",
    "event_type": "Enum8('custom' = 1, 'pageview' = 2)",
    "bot_kind": "Enum8('none' = 0, 'crawler' = 1, 'headless' = 2, 'library' = 3)",
    "timestamp": "DateTime64(3, 'UTC')",
    "version": "UInt64",
    "screen_width": "UInt16",
    "screen_height": "UInt16",
    "property_keys": "Array(LowCardinality(String))",
    "property_types": "Array(Enum8('' = 0, 'string' = 1, 'number' = 2, 'boolean' = 3, 'array' = 4))",
    "property_values": "Array(String)",
}
PROPERTIES = ("property_keys", "property_types", "property_values")
COLUMNS = tuple(
    dict.fromkeys(
        [*SORT_KEY, "event_type", "timestamp", "version", "bot_kind", *PROPERTIES]
        + [column for dimension in DIMENSIONS.values() for column in dimension.columns]
    )
)


@pytest.fixture(scope="module")
def table(clickhouse: str) -> Iterator[Client]:
    """A database with a table `events` of what filters read, by the readers' names."""
    name = f"live_{uuid4().hex}"
    server = Client.from_url(f"{clickhouse}/default")
    server.execute(f"CREATE DATABASE {name}")
    client = Client.from_url(f"{clickhouse}/{name}")
    columns = ", ".join(f"{column} {TYPES.get(column, 'LowCardinality(String)')}" for column in COLUMNS)
    client.execute(
        f"CREATE TABLE events ({columns}) ENGINE = ReplacingMergeTree(version) ORDER BY ({', '.join(SORT_KEY)})"
    )
    yield client
    client.disconnect()
    server.execute(f"DROP DATABASE {name}")
    server.disconnect()


def insert(client: Client, found: list[Decoded]) -> None:
    client.execute("TRUNCATE TABLE events")
    client.execute(f"INSERT INTO events ({', '.join(COLUMNS)}) VALUES", [values(one) for one in found])


def values(event: Decoded) -> list[Any]:
    typed = event.properties
    arrays = {
        "property_keys": list(typed),
        "property_types": [type_ for type_, _ in typed.values()],
        "property_values": [text for _, text in typed.values()],
    }
    return [({**event.columns, **arrays})[column] for column in COLUMNS]


def by_the_engine(client: Client, question: LiveQuestion) -> set[UUID]:
    selection = Selection(
        WEBSITE,
        Period(0, AT_MS + DAY_MS, ZoneInfo("UTC"), None, question.kept_ms),
        question.left_out,
        question.conditions,
        question.event_type,
        question.event_name,
    )
    asked = reading("test", "SELECT event_id FROM matching", ["event_id"], selection, Parameters())
    sql = asked.sql + settings_clause(asked.settings)
    return {event_id for (event_id,) in client.execute(sql, dict(asked.parameters))}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(events(), min_size=1, max_size=8),
    st.lists(questions(), min_size=4, max_size=10),
)
def test_python_and_sql_agree(table: Client, made: list[EnrichedEvent], asked: list[LiveQuestion]) -> None:
    found = [decoded(event, 0, 0) for event in made]
    insert(table, found)
    for question in asked:
        here = {event.columns["event_id"] for event in found if matches(question, event)}
        assert here == by_the_engine(table, question), question


def every_condition() -> list[Condition]:
    """Each operator with each text and number, on a dimension and on a property."""
    found = []
    for field in (DIMENSIONS["country"], Property("plan")):
        for operator in sorted(set(Operator) - NUMERIC - PRESENCE):
            found += [Condition(field, operator, (one,)) for one in TEXTS]
        found += [Condition(field, operator) for operator in sorted(PRESENCE)]
    for operator in sorted(NUMERIC - {Operator.BETWEEN}):
        found += [Condition(Property("plan"), operator, (float(one),)) for one in NUMBERS]
    for operator in (Operator.IS, Operator.NOT):
        found += [
            Condition(Property("plan"), operator, (one,)) for one in (*map(float, NUMBERS), True, False)
        ]
    return found


def test_each_operator_with_each_value(table: Client) -> None:
    values = [*TEXTS, *NUMBERS, True, False, None, [1, "a"], {"b": 1}]
    made = [
        decoded(
            EnrichedEvent(
                website_id=WEBSITE,
                event_id=str(uuid4()),
                event_type=pb.EVENT_TYPE_CUSTOM,
                event_name="purchase",
                geo=pb.Geo(country=value if isinstance(value, str) else ""),
                event_data=json.dumps({"plan": value}),
            ),
            0,
            0,
        )
        for value in values
    ]
    insert(table, made)
    asked, parameters = every_condition(), Parameters()
    columns = ", ".join(all_fit(asked, parameters))
    rows = table.execute(f"SELECT event_id, {columns} FROM events", dict(parameters.values))
    there = {event_id: [bool(one) for one in found] for event_id, *found in rows}
    for value, event in zip(values, made, strict=True):
        here = [fits(condition, event) for condition in asked]
        differ = zip(asked, here, there[event.columns["event_id"]], strict=True)
        assert [(value, condition) for condition, a, b in differ if a != b] == []


@pytest.mark.parametrize("name", DIMENSIONS)
def test_each_dimension_has_the_same_text(table: Client, name: str) -> None:
    event = decoded(
        EnrichedEvent(
            website_id=WEBSITE, event_id=str(uuid4()), event_type=pb.EVENT_TYPE_CUSTOM, event_name="purchase",
            identity_day=20_763, visitor_id="v", session_id="0190a2b4-7e5c-7abc-8def-0123456789ab",
            page=pb.Page(url="u", host="h", path="/p"), geo=pb.Geo(country="DE", region="Bavaria", city="Munich"),
            agent=pb.Agent(browser="b", browser_version="1", os="o", os_version="2", device_type="mobile"),
            referrer=pb.Referrer(url="r", domain="d"), language="en", screen=pb.Screen(width=1920, height=1080),
            campaign=pb.Campaign(source="s", medium="m", campaign="c", term="t", content="x", click_id="gclid"),
            bot=pb.Bot(kind=pb.BOT_KIND_HEADLESS, name="curl"), channel="Direct",
        ),
        0,
        0,
    )  # fmt: skip
    insert(table, [event])
    [(there,)] = table.execute(f"SELECT toString({DIMENSIONS[name].sql}) FROM events")
    assert there == text_of(DIMENSIONS[name], event.columns) != ""


def test_properties_are_those_of_the_row() -> None:
    data = r'{"a": {"b": 1, "c": null, "d": {}}, "a.b": "x", "t": true, "l": [1, {"z": 2}], "s": "\ud800", "n": 1E3}'
    event = EnrichedEvent(
        website_id=WEBSITE,
        event_id=str(uuid4()),
        event_type=pb.EVENT_TYPE_CUSTOM,
        event_name="e",
        event_data=data,
    )
    assert row(event, 0, 0)
    assert decoded(event, 0, 0).properties == {
        "a.b": ("string", "x"),
        "t": ("boolean", "true"),
        "l": ("array", '[1,{"z":2}]'),
        "s": ("string", "�"),
        "n": ("number", "1E3"),
    }
