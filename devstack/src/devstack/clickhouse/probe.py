"""Starting a server and asking whether it is ready, for supervisors and tests."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from devstack.clickhouse import protocol
from devstack.clickhouse.errors import ClientGone, WireError
from devstack.clickhouse.protocol import ServerPacket
from devstack.clickhouse.wire import Cursor

READY_SECONDS = 2.0

USERS_VARIABLE = "EVENTRAIL_DEV_CLICKHOUSE_USERS"
"""Environment variable that stands for the option --users where that is not given."""


def command(listen: str, data: Path | str) -> list[str]:
    """The argument list that starts a server on `listen` ("host:port") with its files in `data`."""
    return [sys.executable, "-m", "devstack.clickhouse", "--listen", listen, "--data", str(data)]


def ready(host: str, port: int, timeout: float = READY_SECONDS) -> bool:
    """Whether a ClickHouse server at this address greets a client and answers its ping.

    Never raises; blocks for some `timeout` seconds at most. The embedded server greets only after its
    engine gave the client a connection.
    """
    try:
        with socket.create_connection((host, port), timeout) as server:
            server.settimeout(timeout)
            server.sendall(protocol.client_hello("eventrail-probe", "default") + protocol.PING)
            cursor = Cursor(lambda: server.recv(4096))
            return protocol.skip_server_hello(cursor) and cursor.varint() == ServerPacket.PONG
    except (OSError, ClientGone, WireError):
        return False
