"""Copies on the real engine, made by the real code: every endpoint counts each event once, whatever lies where.

Copies come in any order, in any blocks, some of them twice, into several months, with merges stopped or forced. What an
answer should be is worked out in plain Python: of each event the copy that was accepted first.
"""

import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from clickhouse_driver import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from eventrail import metrics
from eventrail.clock import MS_PER_DAY, ManualClock
from eventrail.contract.v1.enriched_pb2 import BotKind
from eventrail.rows.events import COLUMNS, Row
from eventrail.rows.reading import SORT_KEY
from query_api.app import create_app
from query_api.clickhouse import ClickHouse
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings
from tests.faults.once.sendings import NOW_MS, Original, Sending, Tries, any_ids, sendings
from writer.table import Table

pytestmark = pytest.mark.stack

EPOCH = date(1970, 1, 1)
WHOLE = (date(2026, 1, 1), date(2027, 12, 31))
LATER = (0, 1, 40, 5_000, MS_PER_DAY, 6 * MS_PER_DAY, 31 * MS_PER_DAY, 100 * MS_PER_DAY)
CLOCKS = (None, 0, -1, 1, MS_PER_DAY, -3 * MS_PER_DAY, 5 * MS_PER_DAY)


@dataclass(frozen=True)
class Stored:
    """What an answer may know of a row."""

    key: tuple[Any, ...]
    version: int
    at_ms: int
    bot: int
    properties: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return str(self.key[1])

    @property
    def day(self) -> date:
        return EPOCH + timedelta(days=self.at_ms // MS_PER_DAY)


def stored(row: Row) -> Stored:
    found = dict(zip(COLUMNS, row, strict=True))
    pairs = tuple(zip(found["property_keys"], found["property_values"], strict=True))
    key = tuple(found[column] for column in SORT_KEY)
    return Stored(key, found["version"], found["timestamp"], found["bot_kind"], pairs)


@dataclass(frozen=True)
class Expected:
    """The answers over rows of one website, the slow and obvious way."""

    rows: Sequence[Row]
    start: date
    end: date
    bots: bool

    @property
    def events(self) -> list[Stored]:
        winners: dict[tuple[Any, ...], Stored] = {}
        for copy in map(stored, self.rows):
            if copy.key not in winners or copy.version > winners[copy.key].version:
                winners[copy.key] = copy
        return [
            event
            for event in winners.values()
            if self.start <= event.day <= self.end and (self.bots or event.bot != BotKind.BOT_KIND_CRAWLER)
        ]

    def counts(self) -> dict[str, int]:
        return dict(Counter(event.name for event in self.events))

    def properties(self, name: str) -> dict[tuple[str, str], int]:
        return dict(Counter(pair for event in self.events if event.name == name for pair in event.properties))

    def days(self, name: str) -> dict[str, int]:
        return dict(Counter(str(event.day) for event in self.events if event.name == name))


@pytest.fixture(scope="module")
def table(database: str) -> Iterator[Table]:
    with closing(Table(database, timeout_seconds=60)) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(database: str) -> AsyncIterator[httpx.AsyncClient]:
    catalogue = Metrics(metrics.registry("query-api"))
    engine = ClickHouse(database, QueryApiSettings(), catalogue)
    app = create_app(engine, ManualClock(unix_ms=NOW_MS), QueryApiSettings(), catalogue)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://query-api") as made:
        yield made
    engine.close()


async def ask(api: httpx.AsyncClient, website: str, what: str, expected: Expected, **more: str) -> Any:
    parameters = {"start_date": str(expected.start), "end_date": str(expected.end), **more}
    answer = await api.get(
        f"/api/websites/{website}/events{what}",
        params=parameters | {"include_bots": "true" if expected.bots else "false"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def compare(api: httpx.AsyncClient, website: str, expected: Expected) -> None:
    listed = {one["event_name"]: one["count"] for one in await ask(api, website, "", expected)}
    assert listed == expected.counts()
    for name in {stored(row).name for row in expected.rows}:
        keys = await ask(api, website, "/properties", expected, event_name=name)
        pairs = {
            (one["property_key"], value["value"]): value["count"] for one in keys for value in one["values"]
        }
        assert pairs == expected.properties(name)
        series = (await ask(api, website, "/timeseries", expected, event_name=name))["series"]
        assert {one["date"]: one["count"] for one in series if one["count"]} == expected.days(name)


@st.composite
def events_with_copies(draw: st.DrawFn) -> list[tuple[Original, list[Sending]]]:
    """Events that happened within two months, each with tries seconds to months apart, none at the same moment."""
    found = []
    for event_id in draw(st.lists(any_ids, min_size=1, max_size=5, unique=True)):
        at_ms = (
            NOW_MS + draw(st.integers(-30, 30)) * MS_PER_DAY + draw(st.sampled_from([0, 1, MS_PER_DAY // 2]))
        )
        name, plan = draw(st.sampled_from(["purchase", "é"])), draw(st.sampled_from(["pro", "free"]))
        original = Original("", name, at_ms, event_id, (("plan", plan),))
        waits = draw(st.lists(st.sampled_from(LATER), min_size=1, max_size=4, unique=True))
        tries = [
            replace(draw(sendings(st.just(at_ms + wait))), off_ms=draw(st.sampled_from(CLOCKS)))
            for wait in waits
        ]
        found.append((original, tries))
    return found


MERGES = st.sampled_from(
    ["SYSTEM STOP MERGES events", "SYSTEM START MERGES events", "OPTIMIZE TABLE events FINAL"]
)
PERIODS = st.lists(
    st.tuples(st.integers(-40, 40), st.integers(0, 20)).map(
        lambda drawn: (
            datetime.fromtimestamp(NOW_MS / 1000, UTC).date() + timedelta(days=drawn[0]),
            datetime.fromtimestamp(NOW_MS / 1000, UTC).date() + timedelta(days=drawn[0] + drawn[1]),
        )
    ),
    min_size=1,
    max_size=2,
)


@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a smaller example would cost minutes
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.data_too_large,
    ],
)
@given(
    made=events_with_copies(),
    merges=st.lists(MERGES, min_size=1, max_size=4),
    periods=PERIODS,
    dice=st.randoms(use_true_random=False),
)
async def test_copies_in_any_order_block_month_and_state_of_merging_count_once(
    made: list[tuple[Original, list[Sending]]],
    merges: list[str],
    periods: list[tuple[date, date]],
    dice: random.Random,
    api: httpx.AsyncClient,
    table: Table,
    client: Client,
) -> None:
    website = uuid.uuid4().hex
    rows: list[Row] = []
    for original, tries in made:
        sent = Tries(replace(original, website=website))
        rows += [sent.send(sending) for sending in tries]
    dice.shuffle(rows)
    present: list[Row] = []
    for number, merging in enumerate(merges):
        block = rows[number :: len(merges)]
        for _ in range(dice.choice([1, 1, 2]) if block else 0):  # twice where the answer was lost
            table.insert(block)
        present += block
        merge(client, merging)
        now = Expected(present, *WHOLE, bots=True)
        listed = await ask(api, website, "", now)
        assert {one["event_name"]: one["count"] for one in listed} == now.counts()
    for start, end in (*periods, WHOLE):
        for bots in (True, False):
            await compare(api, website, Expected(rows, start, end, bots))


def merge(client: Client, statement: str) -> None:
    if statement.startswith("OPTIMIZE"):
        client.execute("SYSTEM START MERGES events")
    client.execute(statement)


async def test_two_copies_of_one_millisecond_count_once_in_every_order(
    api: httpx.AsyncClient, table: Table, client: Client
) -> None:
    """A client that sends to two collectors at once: equal versions, other visitors, and times that differ."""
    first = Sending(NOW_MS, 0, "192.0.2.1", "", "v1", False, 0, 0, 0, 0, False, 0, 7, 1)
    second = replace(first, off_ms=1, visitor_id="v2", collector=1, partition=3, style=2)
    client.execute("SYSTEM STOP MERGES events")
    for order in ([first, second], [second, first]):
        website = uuid.uuid4().hex
        sent = Tries(Original(website, "purchase", NOW_MS, str(uuid.uuid4()), (("plan", "pro"),)))
        for sending in order:
            table.insert([sent.send(sending)])
        expected = Expected(sent.rows, *WHOLE, bots=True)
        for state in ("", "OPTIMIZE TABLE events FINAL"):
            if state:
                merge(client, state)
            assert await ask(api, website, "", expected) == [{"event_name": "purchase", "count": 1}]
            [key] = await ask(api, website, "/properties", expected, event_name="purchase")
            assert key["values"] == [{"value": "pro", "count": 1, "type": "string"}]


def many(row: Row) -> list[Row]:
    """9,000 events like this one, which is more than a granule of the index, with the same ids at each call."""
    place, dice = COLUMNS.index("event_id"), random.Random(9)
    ids = [uuid.UUID(int=dice.getrandbits(128)) for _ in range(9_000)]
    return [(*row[:place], event_id, *row[place + 1 :]) for event_id in ids]


@pytest.mark.parametrize("inside_wins", [True, False])
async def test_a_period_sees_the_winner_alone_also_when_the_others_lie_elsewhere(
    inside_wins: bool, api: httpx.AsyncClient, table: Table, client: Client
) -> None:
    """Enough events for the index to leave out granules: one copy of each lies in the period, the other before it."""
    website = uuid.uuid4().hex
    sending = Sending(NOW_MS, 0, "192.0.2.1", "", "v", False, 0, 0, 0, 0, False, 0, 7, 1)
    ahead = replace(sending, off_ms=6 * MS_PER_DAY)  # the client's clock, so the event comes to lie before
    sent = Tries(Original(website, "purchase", NOW_MS, str(uuid.uuid4())))
    later = NOW_MS + 32 * MS_PER_DAY
    inside = many(sent.send(replace(sending, received_ms=NOW_MS if inside_wins else later)))
    before = many(sent.send(replace(ahead, received_ms=later if inside_wins else NOW_MS)))
    client.execute("SYSTEM STOP MERGES events")
    table.insert(inside)
    table.insert(before)
    today = datetime.fromtimestamp(NOW_MS / 1000, UTC).date()
    period = (today - timedelta(days=1), today)
    wanted = 9_000 if inside_wins else 0
    assert sum(Expected([*inside, *before], *period, bots=True).counts().values()) == wanted
    for state in ("", "OPTIMIZE TABLE events FINAL"):
        if state:
            merge(client, state)
        await compare(api, website, Expected([*inside, *before], *period, bots=True))
