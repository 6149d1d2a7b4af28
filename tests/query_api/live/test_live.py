"""Live streams over real HTTP from a real broker."""

import pytest

from query_api.live.source import EnrichedTopic
from tests.query_api.live.conftest import Event, Post, Serve

pytestmark = pytest.mark.stack


async def test_what_is_written_is_seen_with_all_its_facts(
    serve: Serve, source: EnrichedTopic, post: Post, event: Event
) -> None:
    await post(event())  # before anybody looked
    async with serve(source) as served, served.stream() as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert stream.response.headers["cache-control"] == "no-store"
        await stream.begun()
        made = event(event_data='{"cart": {"total": 4.5}, "plan": "pro"}', channel="Direct")
        await post(made)
        message = await stream.of("event")
        shown = message.json
        assert (shown["event_id"], shown["properties"]) == (
            made.event_id,
            {"cart": {"total": 4.5}, "plan": "pro"},
        )
        assert shown["channel"] == "Direct"
        assert shown["timestamp"] == "2026-11-06T23:59:59.000Z" or shown["timestamp"].endswith("Z")
