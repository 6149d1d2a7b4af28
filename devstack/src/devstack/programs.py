"""What the stack is made of: each program's command, address and readiness."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.ports import Address, Addresses
from devstack.process import Job, Program
from devstack.readiness import Question, clickhouse_ready, http_ready, kafka_ready

SERVICES = ("collector", "enricher", "writer", "query-api", "auditor")
NAMES = ("kafka", "clickhouse", *SERVICES)

STOP_ORDER = (("query-api", "collector"), ("enricher", "auditor"), ("writer",), ("kafka", "clickhouse"))
"""Doors first, then along the river, so that each can hand on what it has taken."""

JOBS = (
    Job("topics create", (sys.executable, "-P", "-m", "eventrail", "topics", "create")),
    Job("writer migrate", (sys.executable, "-P", "-m", "writer", "migrate")),
)


@dataclass(frozen=True)
class Plan:
    """What `up` runs: backends first and together, then the jobs, then the services together."""

    backends: tuple[Program, ...]
    jobs: tuple[Job, ...]
    services: tuple[Program, ...]

    @property
    def programs(self) -> tuple[Program, ...]:
        return (*self.backends, *self.services)


def embedded(addresses: Addresses, data: Path) -> Plan:
    """The whole embedded stack."""
    return Plan(backends(addresses, data), JOBS, services(addresses))


def kafka(listen: Address, controller: Address, data: Path) -> Program:
    """The broker, with its storage in `data`/kafka."""
    options = ("--listen", str(listen), "--controller", str(controller))
    command = (*_module("devstack.kafka"), *options, "--data", str(data / "kafka"))
    return Program("kafka", command, listen, question("kafka", listen))


def clickhouse(listen: Address, data: Path, config: Path | None = None) -> Program:
    """The engine behind its native-protocol server, with its storage in `data`/clickhouse.

    `config` is a file with more of what a server's configuration says.
    """
    options: tuple[str, ...] = ("--listen", str(listen), "--data", str(data / "clickhouse"))
    if config is not None:
        options += ("--config", str(config))
    command = (*_module("devstack.clickhouse"), *options)
    return Program("clickhouse", command, listen, question("clickhouse", listen))


def backends(addresses: Addresses, data: Path) -> tuple[Program, ...]:
    """Broker and engine."""
    return (
        kafka(addresses.kafka, addresses.kafka_controller, data),
        clickhouse(addresses.clickhouse, data),
    )


def services(addresses: Addresses) -> tuple[Program, ...]:
    """The five services; everything else they learn from the environment."""
    commands: Mapping[str, tuple[tuple[str, ...], Address]] = {
        "collector": (_module("collector"), addresses.collector),
        "enricher": ((*_module("enricher"), "worker"), addresses.enricher),
        "writer": (_module("writer"), addresses.writer),
        "query-api": (_module("query_api"), addresses.query_api),
        "auditor": (_module("auditor"), addresses.auditor),
    }
    return tuple(
        Program(name, command, address, question(name, address))
        for name, (command, address) in commands.items()
    )


def question(name: str, address: Address) -> Question:
    """How to ask the program of that name whether it is ready."""
    if name == "kafka":
        return kafka_ready(str(address))
    if name == "clickhouse":
        return clickhouse_ready(address.host, address.port)
    return http_ready(address.url)


def _module(name: str) -> tuple[str, ...]:
    # -P: what lies in the current folder is not imported by accident.
    return (sys.executable, "-P", "-m", name)
