"""A broker of its own that can be stopped, killed and started again, and a listener of it behind a proxy."""

import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from devstack import programs
from devstack.ports import Address, free_addresses
from devstack.process import Run
from devstack.readiness import quiet_client_logs
from devstack.single import START_LIMIT_S, ready
from tests.faults.matrix.proxy import Proxy


class Broker:
    """One broker; `address` stays the same over all its lives, and `proxy` stands before its second listener."""

    def __init__(self, data: Path) -> None:
        quiet_client_logs()
        ports = free_addresses(random.Random())
        self.address: Address = ports.kafka
        self.proxy = Proxy(ports.collector, ports.enricher)
        self._program = programs.kafka(ports.kafka, ports.kafka_controller, data)
        self._command = (
            *self._program.command,
            *_second_listener(ports.kafka, ports.kafka_controller, self.proxy),
        )
        self._log = data / "kafka.log"
        self._run: Run | None = None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        await self.proxy.start()
        self._run = await Run.start(self._command, self._log, os.environ)
        await ready(self._program, self._run, START_LIMIT_S)

    async def stop(self) -> None:
        """An orderly end, as in a maintenance."""
        run, self._run = self._run, None
        if run is not None:
            await run.stop(20)

    async def kill(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            await run.kill()


def _second_listener(listen: Address, controller: Address, proxy: Proxy) -> list[str]:
    properties = {
        "listeners": f"PLAINTEXT://{listen},CONTROLLER://{controller},PROXIED://{proxy.target}",
        "advertised.listeners": f"PLAINTEXT://{listen},PROXIED://{proxy.listen}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT",
    }
    return [word for name, value in properties.items() for word in ("--property", f"{name}={value}")]


@asynccontextmanager
async def own_broker(data: Path) -> AsyncIterator[Broker]:
    """A running broker; it is stopped at the end, if it still runs."""
    broker = Broker(data)
    try:
        await broker.start()
        yield broker
    finally:
        await broker.stop()
        await broker.proxy.close()
