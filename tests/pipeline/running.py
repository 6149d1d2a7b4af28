"""The whole river for tests: `./dev up`'s own supervisor with all programs, on ports and data of its own.

With `--containers` its broker and engine are containers, and only tests of the river are run.
"""

import base64
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from devstack.checkout import CHECKOUT
from devstack.ports import Addresses, free_addresses
from eventrail.sealing import AddressSealer
from tests.pipeline.river import River, devstack

ADDRESS_KEY = b"pipeline tests: thirty-two bytes"
START_LIMIT_S = 120
EMBEDDED = ("devstack", "up", "--no-demo")
"""The module, and words for it, that start the whole embedded stack."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("containers"):
        chosen = {item for item in items if "river_process" in getattr(item, "fixturenames", ())}
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = [item for item in items if item in chosen]


@pytest.fixture(scope="session")
def up_command(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The modules and words that start the river; skips where containers are wanted and cannot be had."""
    if not request.config.getoption("containers"):
        return EMBEDDED
    from tests.pipeline import containers

    if why := containers.missing():
        pytest.skip(f"no containers: {why}")
    return containers.__name__, "up"


@pytest.fixture(scope="session")
def geoip_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small City database in MaxMind's format; 2.125.160.0/24 is in Boxford, England."""
    writer = MMDBWriter(4, "Eventrail-Test-City", languages=["en"])
    place = {
        "country": {"iso_code": "GB", "names": {"en": "United Kingdom"}},
        "subdivisions": [{"iso_code": "ENG", "names": {"en": "England"}}],
        "city": {"names": {"en": "Boxford"}},
    }
    writer.insert_network(IPSet(["2.125.160.0/24"]), place)
    path = tmp_path_factory.mktemp("geoip") / "city.mmdb"
    writer.to_db_file(str(path))
    return path


@pytest.fixture(scope="session")
def river_process(
    up_command: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory, geoip_database: Path
) -> Iterator[tuple[Addresses, Path, dict[str, str]]]:
    """The stack that all tests share."""
    folder = tmp_path_factory.mktemp("river")
    with up(folder, *up_command, EVENTRAIL_GEOIP_DATABASE=str(geoip_database)) as running:
        yield running


@contextmanager
def up(folder: Path, *command: str, **settings: str) -> Iterator[tuple[Addresses, Path, dict[str, str]]]:
    """`up` with `settings` as a child process, ready; ended by Ctrl-C's signal, which must leave status 0.

    Without a `command` it is the embedded stack.
    """
    addresses = free_addresses(random.Random())
    environment = {
        **os.environ,
        "EVENTRAIL_DEV_STATE": str(folder / "state"),
        "EVENTRAIL_ADDRESS_KEYS": f"test:{base64.b64encode(ADDRESS_KEY).decode()}",
        **settings,
    }
    options = ["--data", str(folder / "data"), "--port-base", str(addresses.collector.port)]
    output = folder / "up.log"
    with output.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *(command or EMBEDDED), *options],
            cwd=CHECKOUT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _until_ready(process, environment, output)
        yield addresses, folder / "data", environment
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, output.read_text()


def _until_ready(process: subprocess.Popen[bytes], environment: dict[str, str], output: Path) -> None:
    end = time.monotonic() + START_LIMIT_S
    while devstack(["status", "--json"], environment).returncode != 0:
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < end, output.read_text()


@pytest.fixture(scope="session")
async def river(river_process: tuple[Addresses, Path, dict[str, str]]) -> AsyncIterator[River]:
    async with talking(*river_process) as made:
        yield made


@asynccontextmanager
async def talking(addresses: Addresses, data: Path, environment: dict[str, str]) -> AsyncIterator[River]:
    """A River of a stack that runs."""
    async with (
        httpx.AsyncClient(base_url=addresses.collector.url, timeout=30) as collector,
        httpx.AsyncClient(base_url=addresses.query_api.url, timeout=30) as query_api,
    ):
        yield River(addresses, collector, query_api, AddressSealer({"test": ADDRESS_KEY}), data, environment)


@pytest.fixture
def website() -> str:
    """A website id that no other test uses."""
    return f"site-{random.randrange(10**12)}"
