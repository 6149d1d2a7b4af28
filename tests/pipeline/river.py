"""What a test of the whole river holds in its hands."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from clickhouse_driver import Client

from devstack.ports import Addresses
from eventrail.sealing import AddressSealer


@dataclass(frozen=True)
class River:
    """A running stack: where it listens, and an HTTP client for each of its two doors."""

    addresses: Addresses
    collector: httpx.AsyncClient
    query_api: httpx.AsyncClient
    sealer: AddressSealer
    data: Path
    environment: dict[str, str]

    @property
    def kafka(self) -> str:
        return str(self.addresses.kafka)

    @property
    def clickhouse(self) -> str:
        return f"clickhouse://default@{self.addresses.clickhouse}/eventrail"

    async def post(self, body: object) -> httpx.Response:
        """POST `body` as JSON (bytes as they are) to the collector."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.collector.post(
            "/api/collect", content=content, headers={"Content-Type": "application/json"}
        )

    async def ask(self, website: str, what: str = "", **parameters: str) -> Any:
        """`data` of an answer of the query API; `what` is "", "properties" or "timeseries"."""
        path = f"/api/websites/{website}/events" + (f"/{what}" if what else "")
        answer = await self.query_api.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def properties(self, website: str, event_name: str) -> list[dict[str, Any]]:
        """The property breakdown with the members that the spec shows, and without those that were added."""
        found = await self.ask(website, "properties", event_name=event_name)
        return [
            {
                "property_key": key["property_key"],
                "values": [{"value": one["value"], "count": one["count"]} for one in key["values"]],
            }
            for key in found
        ]

    async def counts(self, website: str) -> dict[str, int]:
        """Event names and counts of a website, as the list endpoint answers."""
        return {row["event_name"]: row["count"] for row in await self.ask(website)}

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a SELECT that the test sends to the engine itself."""
        with Client.from_url(self.clickhouse) as client:
            found: list[tuple[Any, ...]] = client.execute(sql, parameters)
            return found

    def status(self) -> list[dict[str, Any]]:
        """What `./dev status --json` answers; empty where no stack runs."""
        done = devstack(["status", "--json"], self.environment)
        return json.loads(done.stdout) if done.stdout.strip() else []


async def until(what: Callable[[], Any], holds: Callable[[Any], bool], limit_s: float = 30.0) -> Any:
    """Ask `what` again and again until its answer `holds`; fails with the last answer after `limit_s`."""
    end = time.monotonic() + limit_s
    while True:
        answer = await what()
        if holds(answer):
            return answer
        assert time.monotonic() < end, f"after {limit_s:g} s still {answer!r}"
        await asyncio.sleep(0.05)


def devstack(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one command of the stack to its end."""
    command = [sys.executable, "-m", "devstack", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
