"""The real stack as the matrix breaks it: every process by its name, and a proxy on each way between two of them."""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clickhouse_driver import Client

from devstack import keys, programs
from devstack.checkout import CHECKOUT
from devstack.ports import LOOPBACK, Address, is_free
from devstack.process import Program, Run, run_job
from devstack.readiness import Question, clickhouse_ready, http_ready, kafka_ready
from devstack.single import ready
from tests.faults.matrix.launch import write_shift
from tests.faults.matrix.proxy import Proxy

START_LIMIT_S = 90.0
SESSION_TIMEOUT_S = 6
"""Of the consumer groups, in seconds: the least that Kafka takes."""

LISTENERS = ("COLLECTOR", "ENRICHER", "WRITER")
"""Each kind of service reaches the broker by a listener of its own, which is a proxy of the matrix."""

MODULES = {
    "collector": ("collector",),
    "enricher": ("enricher", "worker"),
    "writer": ("writer",),
    "query-api": ("query_api",),
    "auditor": ("auditor",),
}
ALWAYS = ("collector-1", "collector-2", "enricher-1", "writer-1", "query-api-1", "auditor-1")
"""The services of a stack at rest; the others join and leave."""

MOST = 3
"""Of one kind."""


def kind_of(name: str) -> str:
    """`enricher` of `enricher-2`; broker and engine are their own kinds."""
    kind, _, number = name.rpartition("-")
    return kind if number.isdigit() else name


class Ports:
    """Free ports from `base` on, each given once."""

    def __init__(self, base: int) -> None:
        self._next = base

    def take(self) -> Address:
        while True:
            address = Address(LOOPBACK, self._next)
            self._next += 1
            if is_free(address):
                return address


@dataclass
class Member:
    """One process of the stack: how to start it, its shift file, and its run while there is one."""

    name: str
    command: tuple[str, ...]
    address: Address
    question: Question
    environment: Mapping[str, str]
    shift: Path
    log: Path
    run: Run | None = None
    frozen: bool = False

    @property
    def kind(self) -> str:
        return kind_of(self.name)

    @property
    def alive(self) -> bool:
        return self.run is not None and self.run.returncode is None

    @property
    def program(self) -> Program:
        return Program(self.name, self.command, self.address, self.question)


@dataclass
class Stack:
    """A running stack; make it with `stack`."""

    folder: Path
    members: dict[str, Member]
    proxies: dict[str, Proxy]
    kafka: str
    clickhouse: str
    secrets: Mapping[str, str]
    asked: str = "query-api-1"
    """The query API that the comparison asks."""
    shift_ms: int = 0
    """How far the services' clocks are ahead of the machine's."""
    deaths: list[str] = field(default_factory=list)
    """Processes that ended although nobody ended them, with their status."""

    # --- one process

    async def start(self, name: str) -> None:
        """Start it; returns at once."""
        member = self.members[name]
        assert not member.alive, f"{name} runs already"
        self._note_death(member)
        member.frozen = False
        member.run = await Run.start(member.command, member.log, member.environment)

    async def ready(self, name: str, limit_s: float = START_LIMIT_S) -> None:
        """Wait until it answers that it is ready. Raises StartFailed."""
        member = self.members[name]
        assert member.run is not None
        await ready(member.program, member.run, limit_s)

    async def kill(self, *names: str) -> None:
        """SIGKILL to all of them, then wait for their ends."""
        for name in names:
            self.signal(name, signal.SIGKILL)
        await self._ended(names)

    async def terminate(self, *names: str, patience_s: float = 60.0) -> None:
        """SIGTERM to all of them, and wait. Fails where one does not end in time or ends with another status than 0."""
        for name in names:
            self.signal(name, signal.SIGTERM)
        async with asyncio.timeout(patience_s):
            await self._ended(names)

    async def _ended(self, names: Iterable[str]) -> None:
        for name in names:
            run, self.members[name].run = self.members[name].run, None
            if run is not None:
                await run.wait()

    def freeze(self, name: str) -> None:
        self.signal(name, signal.SIGSTOP)
        self.members[name].frozen = True

    def thaw(self, name: str) -> None:
        if self.members[name].frozen:
            self.signal(name, signal.SIGCONT)
            self.members[name].frozen = False

    def signal(self, name: str, number: signal.Signals) -> None:
        run = self.members[name].run
        if run is not None and run.returncode is None:
            os.kill(run.pid, number)

    def now_ms(self) -> int:
        """Unix milliseconds by the services' clocks."""
        return time.time_ns() // 1_000_000 + self.shift_ms

    def set_clocks(self, unix_ms: int) -> None:
        """Let it be `unix_ms` now for all services. Only forward: sessions end by the time of what came last."""
        self.shift_ms = unix_ms - time.time_ns() // 1_000_000
        for name in self.members:
            self.move_clock(name, 0)

    def move_clock(self, name: str, by_ms: int) -> None:
        """Let the clock of one process differ by so much from those of the others."""
        write_shift(self.members[name].shift, self.shift_ms + by_ms)

    def _note_death(self, member: Member) -> None:
        if member.run is not None and member.run.returncode is not None:
            self.deaths.append(f"{member.name} ended by itself with {member.run.returncode}")
            member.run = None

    # --- all of them

    def alive(self, kind: str | None = None) -> list[str]:
        """Names of the processes that run, of one kind or all."""
        return [name for name, member in self.members.items() if member.alive and kind in (None, member.kind)]

    async def restore(self) -> None:
        """Bring back what is gone, thaw, mend all ways and set all clocks right; returns when all is ready."""
        for proxy in self.proxies.values():
            await proxy.mend()
        for name, member in self.members.items():
            self.move_clock(name, 0)
            self.thaw(name)
            self._note_death(member)
        for name in ("kafka", "clickhouse", *ALWAYS):
            if not self.members[name].alive:
                await self.start(name)
        await asyncio.gather(*(self.ready(name) for name in self.alive()))

    async def only(self, names: Iterable[str]) -> None:
        """Exactly these services run beside broker and engine, and are ready."""
        wanted = {*names, "kafka", "clickhouse"}
        await self.terminate(*(name for name in self.alive() if name not in wanted))
        for name in wanted - set(self.alive()):
            await self.start(name)
        await asyncio.gather(*(self.ready(name) for name in wanted))

    async def stop(self) -> None:
        for name in self.members:
            self.thaw(name)
        for group in (
            ("query-api", "collector"),
            ("enricher", "auditor"),
            ("writer",),
            ("kafka", "clickhouse"),
        ):
            names = [name for name in self.alive() if kind_of(name) in group]
            runs = [run for name in names if (run := self.members[name].run) is not None]
            await asyncio.gather(*(run.stop(20) for run in runs))
        for proxy in self.proxies.values():
            await proxy.close()

    def address(self, name: str) -> Address:
        return self.members[name].address

    def rows(self, sql: str, **parameters: object) -> list[tuple[object, ...]]:
        """Rows of a statement that the matrix itself sends to the engine, not through a proxy. Blocks."""
        with Client.from_url(self.clickhouse) as client:
            found: list[tuple[object, ...]] = client.execute(sql, parameters)
            return found


def listeners(ports: Ports, kafka: Address, controller: Address) -> tuple[dict[str, str], dict[str, Proxy]]:
    """Broker settings and proxies: each of LISTENERS is advertised at its proxy."""
    inner = {name: ports.take() for name in LISTENERS}
    outer = {name: ports.take() for name in LISTENERS}
    plain, control = f"PLAINTEXT://{kafka}", f"CONTROLLER://{controller}"
    names = ("PLAINTEXT", "CONTROLLER", *LISTENERS)
    properties = {
        "listeners": ",".join([plain, control, *(f"{name}://{at}" for name, at in inner.items())]),
        "advertised.listeners": ",".join([plain, *(f"{name}://{at}" for name, at in outer.items())]),
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in names),
        # The services' clocks are moved past midnight, the broker's is not.
        "log.message.timestamp.after.max.ms": str(2**62),
    }
    return properties, {f"{name.lower()}-kafka": Proxy(outer[name], inner[name]) for name in LISTENERS}


def _environment(
    secrets: Mapping[str, str], kafka: Address, clickhouse: Address, kind: str, listen: Address
) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("EVENTRAIL_")},
        **secrets,
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONUNBUFFERED": "1",
        "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": str(kafka),
        "EVENTRAIL_CLICKHOUSE_URL": f"clickhouse://default@{clickhouse}/eventrail",
        f"EVENTRAIL_{kind.upper().replace('-', '_')}_LISTEN": str(listen),
        "EVENTRAIL_COLLECTOR_TRUSTED_PROXIES": "127.0.0.1",
        "EVENTRAIL_COLLECTOR_PUBLISH_TIMEOUT": "4",
        "EVENTRAIL_ENRICHER_SESSION_TIMEOUT_SECONDS": str(SESSION_TIMEOUT_S),
        "EVENTRAIL_ENRICHER_HEARTBEAT_INTERVAL_SECONDS": "1",
        "EVENTRAIL_WRITER_SESSION_TIMEOUT_SECONDS": str(SESSION_TIMEOUT_S),
        "EVENTRAIL_WRITER_FLUSH_SECONDS": "1",
        # So few that some copies reach the table and some do not.
        "EVENTRAIL_WRITER_KNOWN_EVENTS": "200",
        "EVENTRAIL_QUERY_API_MAX_PROPERTY_VALUES": "10000",
        "EVENTRAIL_AUDITOR_INTERVAL_SECONDS": "1",
        "EVENTRAIL_AUDITOR_SETTLE_SECONDS": "1",
    }


def _members(
    folder: Path,
    ports: Ports,
    backends: Mapping[str, Program],
    ways: Mapping[str, Proxy],
    secrets: Mapping[str, str],
    more: Mapping[str, Mapping[str, str]],
) -> dict[str, Member]:
    members = {
        name: Member(
            name,
            program.command,
            program.address,
            program.question,
            os.environ,
            folder / f"{name}.shift",
            folder / f"{name}.log",
        )
        for name, program in backends.items()
    }
    # One collector keeps on disk what the broker does not take, the other refuses it.
    spool = {"EVENTRAIL_COLLECTOR_SPOOL": str(folder / "spool")}
    more = {"collector-2": spool, **more}
    names = [f"{kind}-{number}" for kind in MODULES for number in range(1, MOST + 1)]
    for name in names:
        kind, listen, shift = kind_of(name), ports.take(), folder / f"{name}.shift"
        kafka = ways[f"{kind}-kafka"].listen if f"{kind}-kafka" in ways else backends["kafka"].address
        engine = (
            ways[f"{kind}-clickhouse"].listen
            if f"{kind}-clickhouse" in ways
            else backends["clickhouse"].address
        )
        environment = (
            _environment(secrets, kafka, engine, kind, listen)
            | dict(more.get(kind, {}))
            | dict(more.get(name, {}))
        )
        command = (sys.executable, "-m", "tests.faults.matrix.launch", str(shift), *MODULES[kind])
        members[name] = Member(
            name, command, listen, http_ready(listen.url), environment, shift, folder / f"{name}.log"
        )
    return members


def make(folder: Path, base: int, more: Mapping[str, Mapping[str, str]] | None = None) -> Stack:
    """A stack that does not run yet, with ports from `base` on; `more` is further environment by kind or name."""
    ports = Ports(base)
    kafka, controller, clickhouse = ports.take(), ports.take(), ports.take()
    properties, ways = listeners(ports, kafka, controller)
    for kind in ("writer", "query-api"):
        ways[f"{kind}-clickhouse"] = Proxy(ports.take(), clickhouse)
    broker = programs.kafka(kafka, controller, folder)
    settings = [word for name, value in properties.items() for word in ("--property", f"{name}={value}")]
    backends = {
        "kafka": Program("kafka", (*broker.command, *settings), kafka, kafka_ready(str(kafka))),
        "clickhouse": Program(
            "clickhouse",
            programs.clickhouse(clickhouse, folder).command,
            clickhouse,
            clickhouse_ready(clickhouse.host, clickhouse.port),
        ),
    }
    secrets = keys.secrets_of(folder)
    members = _members(folder, ports, backends, ways, secrets, more or {})
    for member in members.values():
        write_shift(member.shift, 0)
    url = f"clickhouse://default@{clickhouse}/eventrail"
    return Stack(folder, members, ways, str(kafka), url, secrets)


@asynccontextmanager
async def stack(
    folder: Path, base: int | None = None, more: Mapping[str, Mapping[str, str]] | None = None
) -> AsyncIterator[Stack]:
    """A stack that runs and is ready, with topics and tables, for as long as the block lasts."""
    made = make(folder, base or random.randrange(20_000, 31_000), more)
    try:
        for name in ("kafka", "clickhouse"):
            await made.start(name)
        for name in ("kafka", "clickhouse"):
            await made.ready(name)
        for proxy in made.proxies.values():
            await proxy.start()
        await _jobs(made, (more or {}).get("migrate", {}))
        await made.only(ALWAYS)
        yield made
    finally:
        await made.stop()


async def _jobs(made: Stack, more: Mapping[str, str]) -> None:
    member = made.members["writer-1"]
    launch = (sys.executable, "-m", "tests.faults.matrix.launch", str(member.shift))
    environment = {
        **member.environment,
        **more,
        "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": made.kafka,
        "EVENTRAIL_CLICKHOUSE_URL": made.clickhouse,
    }
    for job in programs.JOBS:
        module = job.command[job.command.index("-m") + 1 :]
        replaced = type(job)(job.name, (*launch, *module))
        await run_job(replaced, made.folder / "jobs.log", environment, 60)


def now_s() -> float:
    """Seconds of a clock that never goes back, for all times of the matrix."""
    return time.monotonic()
