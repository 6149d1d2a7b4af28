"""Builds the images, runs the stack on them with the demo's day, and looks at each from outside and inside."""

import asyncio
import json
import os
import random
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from devstack import clickhouse_users, demo, keys, programs
from devstack.checkout import CHECKOUT
from devstack.commands import output
from devstack.environment import settings_for
from devstack.errors import ImagesError
from devstack.images import inside
from devstack.images.recipes import Recipe, recipes
from devstack.images.report import Observed, faults, table
from devstack.ports import Addresses, free_addresses
from devstack.process import until_ready
from devstack.readiness import Question, quiet_client_logs
from devstack.single import running
from devstack.terminal import say, say_error

JOBS: Final[Mapping[str, str]] = {"topics": "topics create", "migrate": "writer migrate"}
"""Jobs of Compose in their order, and what the embedded stack calls them."""

READY_LIMIT_S: Final = 60.0
HEALTHY_LIMIT_S: Final = 90.0
"""The start period of the image's own check, and a few of its intervals."""

INSIDE: Final = Path(inside.__file__).read_text(encoding="utf-8")


def missing() -> str:
    """Why no image can be built here, or ""."""
    try:
        _docker(["docker", "version", "--format={{.Server.Version}}"])
    except ImagesError as error:
        return f"no Docker engine answers: {str(error).splitlines()[-1]}"
    return ""


def run(build_options: Sequence[str]) -> int:
    """Do all of it and return 0, or 1 where an image is not as promised; `build_options` go to `docker build`.

    Blocks for minutes. Raises ImagesError where something cannot be built or started, DemoFailed where the answers are
    not those of the demo's day.
    """
    quiet_client_logs()
    made = recipes(yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8")))
    for recipe in made.values():
        say(f"  ... {recipe.image}")
        _docker(recipe.build(build_options))
    return _tell(asyncio.run(_run(made)))


def _tell(all_seen: Sequence[Observed]) -> int:
    say(table(all_seen))
    for seen in all_seen:
        say("\n".join(["", f"{seen.name} logged:", *seen.log.splitlines()]))
    wrong = [fault for seen in all_seen for fault in faults(seen)]
    for fault in wrong:
        say_error(fault)
    return 1 if wrong else 0


async def _run(made: Mapping[str, Recipe]) -> list[Observed]:
    addresses = free_addresses(random.Random())  # noqa: S311 - ports are no secret
    with tempfile.TemporaryDirectory(prefix="eventrail-images-") as folder:
        variables = _Variables(addresses, keys.secrets_of(Path(folder)))
        async with _backends(addresses, Path(folder), variables):
            with _removed(made.values()):
                for name, embedded in JOBS.items():
                    _docker_run(made[name], variables.of(embedded), "--rm")
                ready = {name: await _start(made[name], variables) for name in programs.SERVICES}
                await _answers(addresses)
                order = [name for group in programs.STOP_ORDER for name in group if name in ready]
                return [await _observe(made[name], ready[name]) for name in order]


@dataclass(frozen=True)
class _Variables:
    """What each program is told."""

    addresses: Addresses
    secrets: Mapping[str, str]

    def of(self, name: str) -> dict[str, str]:
        """The variables of a program or job, by its name in the embedded stack."""
        own = clickhouse_users.own_variables(self.addresses.clickhouse, self.secrets["EVENTRAIL_SALT_SECRET"])
        return {**settings_for(self.addresses), **self.secrets, **own.get(name, {})}


@asynccontextmanager
async def _backends(addresses: Addresses, data: Path, variables: _Variables) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for program in programs.backends(addresses, data):
            say(f"  ... {program.name}")
            told = {**os.environ, **variables.of(program.name)}
            await stack.enter_async_context(running(program, data / f"{program.name}.log", told))
        yield


@contextmanager
def _removed(made: Iterable[Recipe]) -> Iterator[None]:
    """No container of an earlier run is there when the block begins, none of this one when it has ended."""
    command = ["docker", "rm", "--force", *(recipe.container for recipe in made)]
    subprocess.run(command, capture_output=True, check=False)
    try:
        yield
    finally:
        subprocess.run(command, capture_output=True, check=False)


async def _start(recipe: Recipe, variables: _Variables) -> float:
    """Start a service and return after how many seconds it was ready."""
    address = variables.addresses.by_name()[recipe.name]
    told = {**variables.of(recipe.name), "EVENTRAIL_PORT": str(address.port)}
    begun = time.monotonic()
    _docker_run(recipe, told, "--detach")
    if last := await _asked(programs.question(recipe.name, address), READY_LIMIT_S):
        raise ImagesError(f"{recipe.image} is not ready after {READY_LIMIT_S:g} s ({last}):\n{_log(recipe)}")
    return time.monotonic() - begun


async def _answers(addresses: Addresses) -> None:
    say("  ... the demo's day, through HTTP")
    async with httpx.AsyncClient(timeout=demo.REQUEST_TIMEOUT_S, trust_env=False) as client:
        await demo.Demo(demo.load(), addresses, client, datetime.now(UTC).date()).run()


async def _observe(recipe: Recipe, ready_s: float) -> Observed:
    """Look at a service that runs, end it, and look at what it left."""
    health = await _asked(_health(recipe), HEALTHY_LIMIT_S) or "healthy"
    seen_inside = json.loads(_docker(["docker", "exec", recipe.container, "python", "-c", INSIDE]))
    begun = time.monotonic()
    _docker(["docker", "stop", f"--time={recipe.patience_s}", recipe.container])
    stopped_s = time.monotonic() - begun
    return Observed(
        name=recipe.name,
        own_size=_own_size(recipe),
        image=_inspected(recipe.image),
        health=health,
        inside=seen_inside,
        ready_s=ready_s,
        stopped_s=stopped_s,
        container=_inspected(recipe.container),
        log=_log(recipe),
    )


def _health(recipe: Recipe) -> Question:
    async def ask() -> str:
        status: str = _inspected(recipe.container)["State"]["Health"]["Status"]
        return "" if status == "healthy" else status

    return ask


async def _asked(question: Question, limit_s: float) -> str:
    """The last no of a question that got no yes in time, else ""."""
    try:
        await until_ready(question, limit_s)
    except TimeoutError as error:
        return str(error)
    return ""


def _own_size(recipe: Recipe) -> int:
    """Bytes of the layers that our Dockerfile copies into the image."""
    template = "{{.Size}} {{.CreatedBy}}"
    layers = _docker(
        ["docker", "history", "--human=false", "--no-trunc", f"--format={template}", recipe.image]
    )
    ours = [line for line in layers.splitlines() if "COPY" in line and "/opt/eventrail" in line]
    return sum(int(line.split()[0]) for line in ours)


def _inspected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_docker(["docker", "inspect", name]))[0]
    return found


def _log(recipe: Recipe) -> str:
    command = ["docker", "logs", recipe.container]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout


def _docker_run(recipe: Recipe, variables: Mapping[str, str], how: str) -> None:
    output(recipe.start(variables, [how]), CHECKOUT, variables, ImagesError)


def _docker(command: Sequence[str]) -> str:
    return output(command, CHECKOUT, {}, ImagesError)
