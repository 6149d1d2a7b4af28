"""The demo: one recorded day of a shop and its content pages, sent and asked for like any other.

`demo_day.json` holds visits of one website: each has a browser (its User-Agent is what tells
visitors apart here) and events with the time of day at which they happened. It is replayed
as the day before the run, in UTC.
"""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx

from devstack.errors import DemoFailed
from devstack.ports import Addresses

DAY_FILE = Path(__file__).with_name("demo_day.json")
BATCH_LIMIT = 50
"""Events in one request, at most (spec, "Batch Events")."""

REQUEST_TIMEOUT_S = 30.0
SEND_LIMIT_S = 60.0
VISIBLE_LIMIT_S = 60.0
ASK_EVERY_S = 0.25

Event = dict[str, Any]


@dataclass(frozen=True)
class Visit:
    """One visitor's events in one go, in order; `at` of each is its time of day, HH:MM:SS."""

    user_agent: str
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Day:
    """A recorded day of one website."""

    website_id: str
    visits: tuple[Visit, ...]

    def counts(self) -> Counter[str]:
        """Event name -> how often it happened."""
        return Counter(event["event_name"] for visit in self.visits for event in visit.events)


def load(path: Path = DAY_FILE) -> Day:
    """Read a recorded day."""
    recorded = json.loads(path.read_text(encoding="utf-8"))
    visits = (Visit(visit["user_agent"], tuple(visit["events"])) for visit in recorded["visits"])
    return Day(recorded["website_id"], tuple(visits))


def payload(event: Event, website_id: str, on: date) -> Event:
    """One member of a request, in the form of the spec, with an id so that it can be repeated."""
    happened = datetime.combine(on, time.fromisoformat(event["at"]), tzinfo=UTC)
    member = {name: value for name, value in event.items() if name != "at"}
    if "event_data" in member:
        member["event_data"] = json.dumps(member["event_data"])
    return {
        "website_id": website_id,
        "event_type": "custom",
        "event_id": str(uuid.uuid4()),
        "timestamp": happened.isoformat().replace("+00:00", "Z"),
        **member,
    }


def batches(members: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """Cut a visit into requests of at most 50 events."""
    for start in range(0, len(members), BATCH_LIMIT):
        yield members[start : start + BATCH_LIMIT]


class Demo:
    """A recorded day against a running stack. `today` is the current date in UTC."""

    def __init__(self, day: Day, addresses: Addresses, client: httpx.AsyncClient, today: date) -> None:
        self._day = day
        self._collector = addresses.collector.url
        self._website_url = f"{addresses.query_api.url}/api/websites/{day.website_id}/events"
        self._client = client
        self._on = today - timedelta(days=1)

    @property
    def range(self) -> dict[str, str]:
        """The query parameters that choose the replayed day."""
        return {"start_date": self._on.isoformat(), "end_date": self._on.isoformat()}

    async def run(self) -> None:
        """Send all, then wait until the query API counts all. Raises DemoFailed."""
        before = await self.counted()
        await self._send_all()
        await self._until_counted(before + self._day.counts())

    async def counted(self) -> Counter[str]:
        """What the query API counts on that day now: event name -> count."""
        listed = await self.ask("", {})
        return Counter({entry["event_name"]: int(entry["count"]) for entry in listed})

    async def ask(self, endpoint: str, parameters: dict[str, str]) -> Any:
        """Return the `data` of one of the three endpoints. Raises DemoFailed."""
        url = f"{self._website_url}{endpoint}"
        try:
            answer = await self._client.get(url, params={**self.range, **parameters})
        except httpx.HTTPError as error:
            raise DemoFailed(f"GET {url}: {error!r}") from error
        if answer.status_code != httpx.codes.OK:
            raise DemoFailed(f"GET {answer.url} was answered {answer.status_code}: {answer.text}")
        return answer.json()["data"]

    async def _send_all(self) -> None:
        for visit in self._day.visits:
            members = [payload(event, self._day.website_id, self._on) for event in visit.events]
            for batch in batches(members):
                await self._send(batch, visit.user_agent)

    async def _send(self, batch: Sequence[Event], user_agent: str) -> None:
        url = f"{self._collector}/api/collect"
        try:
            async with asyncio.timeout(SEND_LIMIT_S):
                answer = await self._post_until_taken(url, batch, user_agent)
        except (httpx.HTTPError, TimeoutError) as error:
            raise DemoFailed(f"POST {url}: {error!r}") from error
        if answer.status_code != httpx.codes.ACCEPTED or answer.json().get("rejected"):
            raise DemoFailed(f"POST {url} was answered {answer.status_code}: {answer.text}")

    async def _post_until_taken(self, url: str, batch: Sequence[Event], user_agent: str) -> httpx.Response:
        while True:
            headers = {"User-Agent": user_agent}
            answer = await self._client.post(url, json=batch, headers=headers)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer
            # The events keep their ids, so a repetition is never counted twice.
            await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))

    async def _until_counted(self, wanted: Counter[str]) -> None:
        found: Counter[str] = Counter()
        try:
            async with asyncio.timeout(VISIBLE_LIMIT_S):
                while (found := await self.counted()) != wanted:  # noqa: ASYNC110
                    await asyncio.sleep(ASK_EVERY_S)
        except TimeoutError:
            raise DemoFailed(_miscounted(wanted, found)) from None


def _miscounted(wanted: Counter[str], found: Counter[str]) -> str:
    names = sorted(name for name in wanted | found if wanted[name] != found[name])
    lines = "\n".join(f"  {name}: {found[name]} instead of {wanted[name]}" for name in names)
    return f"after {VISIBLE_LIMIT_S:g} s the query API does not count what was sent:\n{lines}"
