"""The collector as a child process, and what can be seen of it from outside."""

import asyncio
import base64
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from collector.sinks.spool_registration import Registration
from devstack.ports import Address, free_addresses
from devstack.process import Program, Run
from devstack.readiness import http_ready
from devstack.single import ready

SALT_SECRET = base64.b64encode(b"s" * 32).decode()
ADDRESS_KEYS = "k1:" + base64.b64encode(b"k" * 32).decode()
EVENT = {"website_id": "shop", "event_type": "custom", "event_name": "a"}


@dataclass
class Child:
    """A running collector."""

    run: Run
    address: Address
    http: httpx.AsyncClient

    async def metric(self, line: str) -> float:
        """Value of the metric whose line starts so, 0 where there is none yet."""
        return _value((await self.http.get("/metrics")).text, line)

    async def metric_anew(self, line: str) -> float:
        """The same over a new connection, asked again until the collector has room for it."""
        async with asyncio.timeout(30), httpx.AsyncClient(base_url=self.address.url) as http:
            while True:
                with suppress(httpx.TransportError):
                    answer = await http.get("/metrics")
                    if answer.status_code == 200:
                        return _value(answer.text, line)
                await asyncio.sleep(0.1)

    async def is_unregistered(self) -> bool:
        """Whether its spool, if it has one, is not registered at Kafka yet."""
        checks = (await self.http.get("/readyz")).json()["checks"]
        return "not registered" in checks.get("spool", "")

    def rss_mib(self) -> float:
        """Resident memory in MiB."""
        told = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self.run.pid)], capture_output=True, text=True, check=True
        )
        return int(told.stdout) / 1024

    def terminate(self) -> None:
        """Ask it to end, and do not wait."""
        os.kill(self.run.pid, signal.SIGTERM)

    def log(self) -> str:
        return self.run.log.read_text(encoding="utf-8")


def _value(text: str, line: str) -> float:
    for found in text.splitlines():
        if found.startswith(line + " "):
            return float(found.rsplit(" ", 1)[1])
    return 0.0


def registered(spool: Path) -> None:
    """Leave the folder of a spool as a collector does that has registered it."""
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    registration = Registration(spool)
    registration.id()
    registration.mark()


@asynccontextmanager
async def collector(kafka: str, log: Path, **settings: object) -> AsyncIterator[Child]:
    """Run a collector on the broker `kafka`; it is connected when the block begins.

    `settings` as CollectorSettings names them, and `address_keys`. With `connected=False` it does not wait for Kafka,
    and its spool counts as registered before.
    """
    connected = settings.pop("connected", True)
    address_keys = str(settings.pop("address_keys", ADDRESS_KEYS))
    address = free_addresses(random.Random()).collector
    chosen = {f"EVENTRAIL_COLLECTOR_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {
        **os.environ,
        **chosen,
        "EVENTRAIL_SALT_SECRET": SALT_SECRET,
        "EVENTRAIL_ADDRESS_KEYS": address_keys,
        "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "EVENTRAIL_COLLECTOR_LISTEN": str(address),
    }
    command = (sys.executable, "-P", "-m", "collector")
    if not connected and "spool" in settings:
        registered(Path(str(settings["spool"])))
    run = await Run.start(command, log, environment)
    try:
        await ready(Program("collector", command, address, http_ready(address.url)), run, 60)
        async with httpx.AsyncClient(base_url=address.url, timeout=60) as http:
            child = Child(run, address, http)
            async with asyncio.timeout(30):
                while connected and not await child.metric("eventrail_collector_kafka_up"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                while connected and await child.is_unregistered():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            yield child
    finally:
        await run.stop(20)
