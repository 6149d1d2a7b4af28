"""Broker and engine as containers, for the same tests of the whole river: `./dev test --containers`.

`python -m tests.pipeline.containers up …` is `./dev up` with a Kafka and a ClickHouse of Docker in the place of the
embedded ones. Each is kept by a process of its own (`… kafka HOST:PORT`), which the supervisor starts and ends like any
other program, and whose log is the container's.
"""

import argparse
import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import yaml
from docker import errors
from testcontainers.community.kafka import KafkaContainer
from testcontainers.core.config import ConnectionMode, testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from devstack import clickhouse_users, programs, up
from devstack.checkout import CHECKOUT
from devstack.ports import Address, Addresses
from devstack.process import Program
from devstack.programs import Plan
from devstack.state import StateDir

KAFKA_IMAGE: Final = "confluentinc/cp-kafka:7.6.0"
"""The one that testcontainers' own tests start; its scripts of later versions are others."""

_MODULE: Final = "tests.pipeline.containers"


def clickhouse_image() -> str:
    """The same as Compose's."""
    compose = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8"))
    return str(compose["services"]["clickhouse"]["image"])


def images() -> tuple[str, ...]:
    """What has to be there: the two, and the one that removes them when their process here was killed."""
    remover = () if testcontainers_config.ryuk_disabled else (testcontainers_config.ryuk_image,)
    return KAFKA_IMAGE, clickhouse_image(), *remover


def missing() -> str:
    """Why no container can be started here, or "". Nothing is pulled: a person decides what comes to a machine."""
    with warnings.catch_warnings():
        # docker leaves the socket of a connection that failed to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        why = _missing()
        gc.collect()
    return why


def _missing() -> str:
    try:
        with closing(DockerClient().client) as engine:
            absent = [image for image in images() if not engine.images.list(image)]
    except errors.DockerException as error:
        return f"no Docker engine answers ({error})"
    return f"the Docker engine has no image {', '.join(absent)} (docker pull brings it)" if absent else ""


def kafka(address: Address) -> DockerContainer:
    """A broker that creates no topic by itself, not started yet."""
    single = {"REPLICATION_FACTOR": "1", "MIN_ISR": "1"}
    container = KafkaContainer(KAFKA_IMAGE).with_kraft().with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
    container.with_envs(**{f"KAFKA_TRANSACTION_STATE_LOG_{name}": value for name, value in single.items()})
    return container.with_bind_ports(container.port, address.port)


def clickhouse(address: Address, variables: Mapping[str, str]) -> DockerContainer:
    """An engine with our users, whose digests are in `variables`, and `default` without password; not started yet."""
    container = DockerContainer(clickhouse_image()).with_env("CLICKHOUSE_SKIP_USER_SETUP", "1")
    for name in clickhouse_users.digests(""):
        container.with_env(name, variables[name])
    container.with_volume_mapping(clickhouse_users.FILE, "/etc/clickhouse-server/users.d/eventrail.xml")
    return container.with_bind_ports(9000, address.port)


def keep(container: DockerContainer) -> int:
    """Start it, hand on its log, and remove it on SIGTERM; blocks. Returns 1 where the container ended by itself."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with container:
        for piece in container.get_wrapped_container().logs(stream=True, follow=True):
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
    return 1


_CONTAINERS: Final[Mapping[str, Callable[[Address], DockerContainer]]] = {
    "kafka": kafka,
    "clickhouse": lambda address: clickhouse(address, os.environ),
}


def plan(addresses: Addresses, _data: Path) -> Plan:
    """The embedded stack's programs, but for broker and engine."""
    backends = [_program(name, addresses.by_name()[name]) for name in _CONTAINERS]
    return Plan(tuple(backends), programs.JOBS, programs.services(addresses))


def _program(name: str, address: Address) -> Program:
    command = (sys.executable, "-m", _MODULE, name, str(address))
    return Program(name, command, address, programs.question(name, address))


def main(arguments: Sequence[str]) -> int:
    """`up`, or one of the two containers; blocks until it is told to end."""
    if arguments[0] in _CONTAINERS:
        # The other programs use the ports that Docker publishes here, also where this machine looks like a container.
        testcontainers_config.connection_mode_override = ConnectionMode.docker_host
        return keep(_CONTAINERS[arguments[0]](Address.parse(arguments[1])))
    parser = argparse.ArgumentParser(prog=f"python -m {_MODULE}")
    parser.add_argument("command", choices=("up",))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port-base", type=int, required=True)
    options = parser.parse_args(arguments)
    addresses = Addresses.from_base(options.port_base)
    asked = up.Options(once=False, demo=False, data=options.data, addresses=addresses)
    return up.up(asked, StateDir.default(), plan)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
