"""From the request to the answers, through all services with their own rights: what is erased stays away."""

from typing import Any
from uuid import uuid4

import pytest

from eventrail.clock import SystemClock
from tests.pipeline.river import River, until

pytestmark = pytest.mark.stack


def event(website: str, visitor: str, **fields: Any) -> dict[str, Any]:
    return {
        "website_id": website,
        "event_type": "custom",
        "event_name": "paid",
        "event_id": str(uuid4()),
        "timestamp": SystemClock().now_ms(),
        "visitor_id": visitor,
        **fields,
    }


async def accepted(river: River, *events: dict[str, Any]) -> None:
    for one in events:
        answer = await river.post(one)
        assert answer.status_code == 202, answer.text


async def test_what_is_erased_stays_away(river: River, website: str) -> None:
    async def counts() -> dict[str, int]:
        return await river.counts(website)

    async def status() -> str:
        answer = await river.query_api.get(f"{path}/{data['erasure_id']}")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["status"])

    async def books() -> dict[str, int]:
        told = await river.query_api.get("/api/pipeline/ledger")
        writer: dict[str, int] = told.json()["data"]["totals"]["writer"]
        return {name: writer[name] for name in ("erased", "unaccounted")}

    path = f"/api/websites/{website}/erasures"
    gone, named, kept = event(website, "gone"), event(website, "v1"), event(website, "v2")
    await accepted(river, gone, named, kept)
    await until(counts, lambda found: found == {"paid": 3})
    before = (await books())["erased"]
    wanted = {"visitor_ids": ["gone"], "event_ids": [named["event_id"].upper()]}
    answer = await river.query_api.post(path, json=wanted)
    assert answer.status_code == 202, answer.text
    data = answer.json()["data"]
    await until(status, lambda found: found == "done")
    assert await counts() == {"paid": 1}
    # Their clients send them again, one of them from elsewhere; the visitor comes back, as a new one.
    await accepted(river, {**gone, "visitor_id": "elsewhere"}, named)
    await accepted(river, event(website, "gone", event_name="back", timestamp=SystemClock().now_ms()))
    await until(counts, lambda found: found.get("back", 0) == 1)
    assert await counts() == {"paid": 1, "back": 1}
    await until(books, lambda found: found["erased"] >= before + 4, limit_s=90)
    assert (await books())["unaccounted"] == 0
    report = (await river.query_api.get(path)).json()["data"]
    assert [one["erased_events"] for one in report] == [2]
