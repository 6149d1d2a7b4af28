"""Where the stack listens: the scheme of addresses, and whether they are free.

Without `--port-base` the well-known ports below are used. `--port-base N` moves all of them:

    N      collector              N+4  Kafka
    N+1    query API              N+5  Kafka's controller
    N+2    enricher               N+6  ClickHouse, native protocol
    N+3    writer                 N+7  auditor
"""

import errno
import random
import socket
from dataclasses import dataclass, fields
from typing import Self

from devstack.errors import BadOption, PortsInUse

LOOPBACK = "127.0.0.1"

LOWEST_BASE = 1024
FIRST_EPHEMERAL = 32768
"""From here on Linux hands ports out to clients, and a client that knocks on a closed port of
loopback again and again sooner or later connects to itself and holds the port."""


@dataclass(frozen=True)
class Address:
    """A host and a TCP port; written `host:port`."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `host:port`. Raises BadOption."""
        host, _, port = text.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise BadOption(f"'{text}' is no address: write HOST:PORT, for example 127.0.0.1:19092")
        return cls(host, int(port))


@dataclass(frozen=True)
class Addresses:
    """Where each part of the stack listens, in the order of `--port-base`."""

    collector: Address
    query_api: Address
    enricher: Address
    writer: Address
    kafka: Address
    kafka_controller: Address
    clickhouse: Address
    auditor: Address

    @classmethod
    def default(cls) -> Self:
        """The documented addresses, all on 127.0.0.1."""
        ports = (8400, 8401, 8402, 8403, 19092, 19093, 19000, 8404)
        return cls(*(Address(LOOPBACK, port) for port in ports))

    @classmethod
    def from_base(cls, base: int) -> Self:
        """Eight ports in a row from `base`. Raises BadOption outside of 1024..32760."""
        highest = FIRST_EPHEMERAL - len(fields(cls))
        if not LOWEST_BASE <= base <= highest:
            raise BadOption(
                f"--port-base {base} does not fit: eight ports are used from it, and they must lie"
                f" between {LOWEST_BASE} and {FIRST_EPHEMERAL - 1}, so give {LOWEST_BASE}..{highest}"
            )
        return cls(*(Address(LOOPBACK, base + offset) for offset in range(len(fields(cls)))))

    def by_name(self) -> dict[str, Address]:
        """Name of the listener, as shown to people -> address."""
        names = (field.name.replace("_", "-") for field in fields(self))
        return dict(zip(names, (getattr(self, field.name) for field in fields(self)), strict=True))


def is_free(address: Address) -> bool:
    """Tell whether a server could listen there now.

    Raises OSError when the address cannot be bound for another reason (no such host).
    """
    with socket.socket() as probe:
        # As the servers do: connections of an earlier run that still linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
            probe.listen()
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def require_free(addresses: Addresses) -> None:
    """Raise PortsInUse that names every taken port and whom it is for."""
    taken = [(name, at) for name, at in addresses.by_name().items() if not is_free(at)]
    if taken:
        lines = "\n".join(f"  {at} is in use; {name} wants to listen there" for name, at in taken)
        raise PortsInUse(
            f"nothing was started:\n{lines}\n"
            "End what listens there, or move the whole stack: ./dev up --port-base 21000"
        )


def free_addresses(source: random.Random) -> Addresses:
    """Find eight free ports in a row between 20000 and 32000, for a stack of tests."""
    return Addresses.from_base(free_row(source, len(fields(Addresses)))[0].port)


def free_row(source: random.Random, count: int) -> tuple[Address, ...]:
    """Find `count` free ports of loopback in a row, from 20000 to 32000."""
    while True:
        base = source.randrange(20_000, 32_000)
        row = tuple(Address(LOOPBACK, base + offset) for offset in range(count))
        if all(is_free(address) for address in row):
            return row
