"""Rows in the form of columns are the rows that `row` makes, and are written as those are."""

from collections.abc import Callable, Sequence
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from clickhouse_driver.bufferedwriter import BufferedSocketWriter
from clickhouse_driver.streams.native import BlockOutputStream
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from eventrail.columnar import write_block
from eventrail.contract.codec import decode_enriched
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType
from eventrail.errors import ContractError
from eventrail.rows import columns as module
from eventrail.rows.columns import Columns, columns, identities_of, stored, taken, values_of
from eventrail.rows.events import COLUMNS, LATEST_MS, Row, row
from eventrail.rows.stored import STORED_COLUMNS

Event = Callable[..., EnrichedEvent]

TYPES = {
    **dict.fromkeys(STORED_COLUMNS, "LowCardinality(String)"),
    **dict.fromkeys(("event_id_high", "event_id_low", "copy_rank"), "UInt64"),
    **dict.fromkeys(("timestamp_offset", "session_start_offset", "raw_offset", "enriched_offset"), "Int64"),
    **dict.fromkeys(("raw_partition", "raw_index", "enriched_partition", "rules_version"), "Int64"),
    **dict.fromkeys(("event_type", "visitor_source", "bot_kind", "retention_days"), "Int64"),
    **dict.fromkeys(("query", "other_url", "other_event_data"), "String"),
    **dict.fromkeys(("property_keys", "property_values"), "Array(LowCardinality(String))"),
    "property_types": "Array(Int64)",
    "identity_day": "Date",
    "session_id": "UUID",
    "campaign_inherited": "Bool",
}

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
MOMENTS = st.integers(0, LATEST_MS)
UUIDS = st.one_of(st.uuids().map(str), st.just("019c715e-ce71-7c8c-9e70-19dd7b86146c"))
NO_UUIDS = (
    "x" * 36,
    "0190A0B0-c0d0-7e0f-8a1b-2c3d4e5f6071",
    "0190a0b0c0d0-7e0f-8a1b-2c3d4e5f-6071",
    "0190a0b0-c0d0-7e0f-8a1b-2c3d4e5f607",
    "0190a0b0-c0d0-7e0f-8a1b-2c3d4e5f60712",
    "0190a0b-0c0d0-7e0f-8a1b-2c3d4e5f60-71",
    "0190a0b0-c0d0-7e0f-8a1b-2c3d4e5f607\u0663",
    "0190a0b0-c0d0-7e0f-8a1b-2c3d4e5f607\u212a",
)
NUMBERS = st.integers(0, 3)
URL = {"url": "https://a.example/p?q", "host": "a.example", "path": "/p", "query": "q"}
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "page": st.one_of(
            st.just(URL), st.fixed_dictionaries({"url": TEXT, "host": TEXT, "path": TEXT, "query": TEXT})
        ),
        "geo": st.fixed_dictionaries({"country": TEXT, "city": st.one_of(TEXT, st.just("a\x1fb"))}),
        "agent": st.fixed_dictionaries({"browser": TEXT, "os": TEXT}),
        "screen": st.fixed_dictionaries({"width": st.sampled_from([0, 1, 65_535])}),
        "referrer": st.fixed_dictionaries({"url": TEXT, "domain": TEXT}),
        "campaign": st.fixed_dictionaries({"source": TEXT, "inherited": st.booleans()}),
        "enrichment": st.fixed_dictionaries({"rules_version": NUMBERS, "agent_rules": TEXT}),
        "bot": st.fixed_dictionaries({"kind": NUMBERS, "name": TEXT}),
        "raw_position": st.fixed_dictionaries({"partition": NUMBERS, "offset": NUMBERS, "index": NUMBERS}),
    },
)
DOCUMENTS = (
    "",
    "{}",
    '{"a":1,"b":"x"}',
    '{"a":{"b":[1.50]},"c":null}',
    '{"a":"\\ud800"}',
    '{"a.b":1,"a":{"b":2}}',
)
FIELDS = st.fixed_dictionaries(
    {
        "website_id": st.sampled_from(["shop", "blog"]),
        "event_id": UUIDS,
        "event_type": st.sampled_from([1, 2]),
        "event_name": TEXT,
        "timestamp_ms": MOMENTS,
        "received_at_ms": MOMENTS,
        "identity_day": st.one_of(st.just(20_502), st.integers(-(2**31), 2**31 - 1)),
        "event_data": st.sampled_from(DOCUMENTS),
        "visitor_id": TEXT,
        "visitor_source": st.integers(0, 5),
        "session_id": st.one_of(st.just(""), UUIDS),
        "session_started_at_ms": MOMENTS,
        "language": TEXT,
        "channel": TEXT,
    }
)
TOO_LARGE: dict[str, Any] = {"screen": {"width": 65_536}}
FAULTS: list[dict[str, Any]] = [
    {"website_id": ""},
    {"event_id": ""},
    *({"event_id": text} for text in NO_UUIDS),
    *({"session_id": text} for text in NO_UUIDS),
    {"event_type": 0},
    {"event_type": 3},
    *({name: ms} for name in ("timestamp_ms", "received_at_ms", "session_started_at_ms") for ms in (-1, LATEST_MS + 1)),
    {"visitor_source": 9},
    {"event_data": "["},
    {"event_data": "[]"},
    {"bot": {"kind": 4}},
    TOO_LARGE,
    {"screen": {"height": 65_536}},
]  # fmt: skip
"""Each makes that there is no row."""

GOOD = st.builds(lambda fields, parts: EnrichedEvent(**fields, **parts), FIELDS, PARTS)
EVENTS = st.one_of(
    GOOD,
    GOOD,
    st.builds(lambda fields, parts, fault: EnrichedEvent(**{**fields, **parts, **fault}), FIELDS, PARTS,
              st.sampled_from(FAULTS)),
)  # fmt: skip


def days(website_id: str) -> int:
    return len(website_id)


def made(values: Sequence[bytes]) -> Columns:
    return columns(values, [3] * len(values), range(7, 7 + len(values)), days)


def rows(values: Sequence[bytes]) -> list[Row]:
    """The same, by the definition."""
    events = map(decode_enriched, values)
    return [row(event, 3, 7 + number, days(event.website_id)) for number, event in enumerate(events)]


def rows_or_none(
    make: Callable[[Sequence[bytes]], Sequence[Row]], values: Sequence[bytes]
) -> list[Row] | None:
    try:
        return list(make(values))
    except (ContractError, DecodeError, ValueError):
        return None


def written(found: Sequence[Row]) -> bytes:
    """What goes to the engine."""
    sent = BytesIO()
    socket = SimpleNamespace(sendall=sent.write)
    context = SimpleNamespace(server_info=SimpleNamespace(used_revision=54_450))
    stream = BlockOutputStream(BufferedSocketWriter(socket, 1000), context)
    write_block(stream, [(name, TYPES[name]) for name in STORED_COLUMNS], stored(found))
    return sent.getvalue()


@given(st.lists(GOOD, min_size=1, max_size=4))
def test_they_are_the_rows_that_row_makes_and_are_written_as_those(events: list[EnrichedEvent]) -> None:
    values = [event.SerializeToString() for event in events]
    assert list(made(values)) == rows(values)
    assert written(made(values)) == written(rows(values))
    assert list(identities_of(made(values))) == identities_of(rows(values))


@given(st.lists(EVENTS, min_size=1, max_size=3))
def test_there_are_none_where_one_event_makes_no_row(events: list[EnrichedEvent]) -> None:
    values = [event.SerializeToString() for event in events]
    assert rows_or_none(made, values) == rows_or_none(rows, values)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_each_fault_is_seen_among_good_ones(event: Event, fault: dict[str, Any]) -> None:
    values = [each.SerializeToString() for each in (event(), event(**fault), event())]
    assert rows_or_none(rows, values) is None
    assert rows_or_none(made, values) is None


def test_a_full_event_and_a_bare_one(event: Event) -> None:
    full = event(
        session_id="aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
        page={"url": "https://a.example/p?q", "host": "a.example", "path": "/p", "query": "q"},
        referrer={"url": "https://b.example/", "domain": "b.example"},
        campaign={"source": "s", "medium": "m", "campaign": "c", "term": "t", "content": "k", "click_id": "gclid"},
        geo={"country": "DE", "region": "Bavaria", "city": "München"},
        agent={"browser": "Chrome", "browser_version": "1", "os": "iOS", "os_version": "2", "device_type": "mobile"},
        screen={"width": 1, "height": 2},
        bot={"kind": 3, "name": "curl", "reason": "agent"},
        enrichment={"rules_version": 7, "agent_rules": "ua", "geo_database": "geo"},
        raw_position={"partition": 1, "offset": 2**40, "index": 3},
    )  # fmt: skip
    values = [full.SerializeToString(), event().SerializeToString()]
    assert list(made(values)) == rows(values)
    assert written(made(values)) == written(rows(values))


def test_the_screen_of_an_agent_is_not_that_of_another(event: Event) -> None:
    agents = [{"browser": "a"}, {}, {"browser": "a"}, {"browser": "b"}]
    screens = [{"width": 1}, {"width": 1}, {}, {"width": 2}]
    events = [event(agent=agent, screen=screen) for agent, screen in zip(agents, screens, strict=True)]
    values = [each.SerializeToString() for each in events]
    assert list(made(values)) == rows(values)


@pytest.mark.parametrize("value", [b"\xff", b"", None, b"\x4a\x02\x0a\xff", b"\x0a\x01\xff"])
def test_what_is_no_event_is_refused(event: Event, value: Any) -> None:
    good = event().SerializeToString()
    with pytest.raises((ContractError, DecodeError, TypeError)):
        made([good, value, good])


def test_parts_are_forgotten_when_they_are_too_many_and_long_ones_at_once(
    event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_PARTS", 3)
    remembered = module._REMEMBERED["page"]
    remembered.clear()
    paths = ["/a", "/b", "/a", "/" + "c" * 400, "/d", "/e", "/a"]
    values = [event(page={"path": path}).SerializeToString() for path in paths]
    assert list(made(values)) == rows(values)
    assert len(remembered) == 2


@given(st.sets(st.integers(0, 4)))
def test_some_of_them_are_the_same_in_either_form(numbers: set[int]) -> None:
    event = EnrichedEvent(
        website_id="shop",
        event_type=EventType.EVENT_TYPE_CUSTOM,
        event_id="019c715e-ce71-7c8c-9e70-19dd7b86146c",
    )
    values = []
    for number in range(5):
        event.received_at_ms = number
        values.append(event.SerializeToString())
    some = sorted(numbers)
    both = taken(made(values), some), taken(rows(values), some)
    assert list(both[0]) == both[1]
    assert len(both[0]) == len(some)
    for name in (
        "website_id",
        "received_at",
        "version",
        "enriched_partition",
        "enriched_offset",
        "visitor_id",
    ):
        assert list(values_of(both[0], name)) == list(values_of(both[1], name))
    assert made(values)[1:3] == rows(values)[1:3]
    assert made(values)[-1] == rows(values)[-1]


def test_every_column_has_a_type_in_this_test() -> None:
    assert set(TYPES) == set(STORED_COLUMNS)
    assert len(COLUMNS) == len(rows([EnrichedEvent(
        website_id="a", event_type=EventType.EVENT_TYPE_CUSTOM, event_id="019c715e-ce71-7c8c-9e70-19dd7b86146c"
    ).SerializeToString()])[0])  # fmt: skip
