"""What a replay writes, on a real engine: newer copies of what is stored, and never of what was erased."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from clickhouse_driver import Client

from enricher.replay.stored import Stored
from enricher.replay.time_range import TimeRange
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType
from eventrail.rows.events import row
from tests.stored_events import INSERT, stored
from writer.migrations import migrate

pytestmark = pytest.mark.stack

NOW = 1_794_000_000_000
HOUR = 3_600_000


def event(visitor: str, **fields: Any) -> EnrichedEvent:
    values: dict[str, Any] = {
        "website_id": "shop",
        "event_id": str(uuid.uuid4()),
        "event_type": EventType.EVENT_TYPE_CUSTOM,
        "event_name": "purchase",
        "timestamp_ms": NOW,
        "received_at_ms": NOW,
        "visitor_id": visitor,
    }
    return EnrichedEvent(**(values | fields))


def enriched_again(before: EnrichedEvent, **changes: Any) -> EnrichedEvent:
    made = EnrichedEvent.FromString(before.SerializeToString())
    made.channel = "Direct"
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.fixture
async def url(clickhouse: str) -> AsyncIterator[str]:
    name = f"stored_{uuid.uuid4().hex[:12]}"
    await asyncio.to_thread(migrate, f"{clickhouse}/{name}")
    yield f"{clickhouse}/{name}"
    with Client.from_url(clickhouse) as server:
        server.execute(f"DROP DATABASE {name}")


@pytest.fixture
async def client(url: str) -> AsyncIterator[Client]:
    with Client.from_url(url) as made:
        yield made


def test_what_an_erasure_is_about_is_not_written_again(url: str, client: Client) -> None:
    plain, gone, asked, hashed = event("v1"), event("gone"), event("v2"), event("v3")
    new = event("gone", received_at_ms=NOW + 2 * HOUR)
    other = event("gone", website_id="other")
    before = [plain, gone, asked, hashed, new, other]
    after = [enriched_again(one, visitor_id="gone" if one is hashed else one.visitor_id) for one in before]
    client.execute(INSERT, stored([row(one, 3, 4, 30) for one in before]))
    # The rules stand there already, the sweep has not come by.
    client.execute("INSERT INTO erased_visitors VALUES", [("shop", "gone", uuid.uuid4(), NOW, {})])
    client.execute(
        "INSERT INTO erased_events (website_id, event_id, erasure_id, seen) VALUES",
        [("shop", uuid.UUID(asked.event_id), uuid.uuid4(), 0)],
    )
    replay = Stored(url, TimeRange(NOW, NOW + 3 * HOUR), "events_replay_1")
    replay.make_shadow()
    replay.put([row(one, 0, 0) for one in after])
    replay.apply(1)
    replay.drop_shadow()
    replay.close()
    written = client.execute(
        "SELECT toString(event_id), channel, retention_days, enriched_partition FROM events"
        " WHERE bitShiftRight(version, 48) = 1"
    )
    assert sorted(written) == sorted((one.event_id, "Direct", 30, 3) for one in (plain, new, other))
    # Whoever carries erasures out was told of it, from before until after.
    assert client.execute("SELECT stage FROM event_rewrites ORDER BY stage") == [(1,), (2,)]
    assert client.execute("SELECT count() FROM event_rewrites FINAL WHERE stage = 1") == [(0,)]
