"""Parts of the embedded stack as a benchmark needs them: started, ready, and stopped at the end."""

import os
import random
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mmdb_writer import MMDBWriter
from netaddr import IPSet

from benchmarks.processes import Account
from devstack import environment, keys, programs
from devstack.ports import Address, Addresses, free_addresses
from devstack.process import Program, Run, run_job
from devstack.readiness import http_ready, quiet_client_logs
from devstack.single import ready

START_LIMIT_S: Final = 120.0
STOP_PATIENCE_S: Final = 30.0
TRUSTED: Final = {"EVENTRAIL_COLLECTOR_TRUSTED_PROXIES": "127.0.0.1", "EVENTRAIL_LOG_LEVEL": "WARNING"}
"""The load comes from many addresses, as X-Forwarded-For tells; nothing is logged while all is well."""


@dataclass
class Stack:
    """What runs: `start` adds to it. `ports` are those of what `start_another` started."""

    addresses: Addresses
    folder: Path
    variables: dict[str, str]
    runs: dict[str, Run]
    ports: dict[str, int]
    _closing: AsyncExitStack

    async def start(self, *names: str) -> None:
        """Start these programs of `devstack.programs.NAMES` together; returns when they are ready."""
        by_name = {program.name: program for program in self._plan.programs}
        started = [(by_name[name], await self._begin(by_name[name])) for name in names]
        for program, run in started:
            await ready(program, run, START_LIMIT_S)

    async def start_another(self, name: str) -> str:
        """Start one more process of a service, at a port of its own; returns its name in `runs`."""
        [program] = [one for one in self._plan.services if one.name == name]
        address = free_addresses(random.Random()).collector  # noqa: S311 - ports are no secret
        number = 2 + sum(other.startswith(f"{name}-") for other in self.runs)
        variable = f"EVENTRAIL_{name.replace('-', '_').upper()}_LISTEN"
        another = replace(program, name=f"{name}-{number}", address=address, question=http_ready(address.url))
        run = await self._begin(another, {variable: str(address)})
        await ready(another, run, START_LIMIT_S)
        self.ports[another.name] = address.port
        return another.name

    async def run(self, name: str, command: tuple[str, ...], address: Address) -> None:
        """Start a program of the benchmark's own, which answers `/readyz` at `address`."""
        program = Program(name, command, address, http_ready(address.url))
        await ready(program, await self._begin(program), START_LIMIT_S)

    async def jobs(self, only: Iterable[str] = ()) -> None:
        """Make topics and tables, or do the jobs of `devstack.programs.JOBS` that are named."""
        wanted = set(only)
        for job in programs.JOBS:
            if not wanted or job.name in wanted:
                await run_job(job, self.folder / "jobs.log", self.variables, START_LIMIT_S)

    async def stop(self, name: str) -> None:
        """SIGTERM, and wait for the end."""
        await self.runs.pop(name).stop(STOP_PATIENCE_S)

    def account(self, names: Iterable[str] = ()) -> Account:
        """Of all that runs, or of those named; from now on."""
        account = Account({name: self.runs[name].pid for name in names or self.runs})
        account.begin()
        return account

    @property
    def clickhouse_url(self) -> str:
        return self.variables["EVENTRAIL_CLICKHOUSE_URL"]

    @property
    def _plan(self) -> programs.Plan:
        return programs.embedded(self.addresses, self.folder)

    async def _begin(self, program: Program, own: Mapping[str, str] | None = None) -> Run:
        run = await Run.start(
            program.command, self.folder / f"{program.name}.log", {**self.variables, **(own or {})}
        )
        self.runs[program.name] = run
        self._closing.push_async_callback(run.stop, STOP_PATIENCE_S)
        return run


@asynccontextmanager
async def stack(folder: Path, settings: Mapping[str, str] | None = None) -> AsyncIterator[Stack]:
    """An empty stack with its data in `folder`, which exists; `settings` are variables for all of its processes.

    Whatever was started is stopped at the end, the last first. Raises StartFailed.
    """
    quiet_client_logs()
    addresses = free_addresses(random.Random())  # noqa: S311 - ports are no secret
    variables = environment.build(os.environ, addresses, keys.secrets_of(folder))
    variables |= {**TRUSTED, "EVENTRAIL_GEOIP_DATABASE": str(_geoip(folder)), **(settings or {})}
    async with AsyncExitStack() as closing:
        yield Stack(addresses, folder, variables, {}, {}, closing)


def _geoip(folder: Path) -> Path:
    """A City database that knows a place for each of the load's addresses (11.0.0.0/16, 256 cities)."""
    path = folder / "places.mmdb"
    if not path.exists():
        writer = MMDBWriter(4, "Eventrail-Benchmark-City", languages=["en"])
        for number in range(256):
            country = f"{chr(65 + number % 26)}{chr(65 + number // 26)}"
            place = {
                "country": {"iso_code": country},
                "subdivisions": [{"iso_code": f"R{number % 100}"}],
                "city": {"names": {"en": f"City {number}"}},
            }
            writer.insert_network(IPSet([f"11.{number}.0.0/16"]), place)
        writer.to_db_file(str(path))
    return path
