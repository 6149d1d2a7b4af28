"""The end of a service behind a load balancer: what its answers say, and when its doors close."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from devstack.ports import free_addresses
from eventrail.draining import Draining
from eventrail.health import OK, Health, serving, side_door
from eventrail.metrics import registry


async def fine() -> str:
    return OK


@asynccontextmanager
async def server(stop: asyncio.Event, seconds: float) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    """A service that drains for `seconds` after `stop`: its URL, and the task that ends with it."""
    address = free_addresses(random.Random()).collector
    draining = Draining(stop, seconds)
    health = Health({"kafka": fine}, frozenset({"kafka"}), stopping=lambda: draining.began)
    serves = asyncio.Event()

    async def serve() -> None:
        async with serving(draining.telling(side_door(health, registry("x"))), str(address)):
            serves.set()
            await draining.over()

    task = asyncio.create_task(serve())
    await serves.wait()
    try:
        yield address.url, task
    finally:
        stop.set()
        await asyncio.gather(task, return_exceptions=True)


async def test_while_it_drains_it_answers_says_no_and_asks_to_go_elsewhere() -> None:
    stop = asyncio.Event()
    async with server(stop, 30) as (url, task), httpx.AsyncClient(base_url=url) as http:
        before = await until_ready(http)
        assert (before.status_code, before.headers.get("connection")) == (200, None)
        stop.set()
        kept = await http.get("/readyz")
        assert (kept.status_code, kept.headers["connection"]) == (503, "close")
        assert kept.json() == {"ready": False, "checks": {"kafka": "ok", "process": "it is stopping"}}
        async with httpx.AsyncClient(base_url=url) as newcomer:
            alive = await newcomer.get("/livez")
        assert (alive.status_code, alive.headers["connection"]) == (200, "close")
        assert not task.done()
        task.cancel()


async def until_ready(http: httpx.AsyncClient) -> httpx.Response:
    while True:
        try:
            return await http.get("/readyz")
        except httpx.ConnectError:
            await asyncio.sleep(0.01)


async def test_without_a_balancer_it_ends_at_once() -> None:
    stop = asyncio.Event()
    async with server(stop, 0) as (url, task), httpx.AsyncClient(base_url=url) as http:
        await until_ready(http)
        stop.set()
        await asyncio.wait_for(asyncio.shield(task), 5)
