"""`python -m devstack.clickhouse`: serve until SIGTERM or SIGINT.

Exit status: 0 after an orderly stop, 1 when the server cannot start (the last line says why), 2 for wrong
arguments.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import ssl
import sys
from pathlib import Path

from devstack.clickhouse import users
from devstack.clickhouse.engine import Engine
from devstack.clickhouse.errors import StartError
from devstack.clickhouse.probe import USERS_VARIABLE
from devstack.clickhouse.server import Server, allow_many_files, bind, own_directory
from devstack.clickhouse.tls import server_context
from devstack.clickhouse.users import Users

log = logging.getLogger("devstack.clickhouse")

_LAST_PORT = 65535


def address(text: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` as host and port. Raises ArgumentTypeError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not host:port, for example 127.0.0.1:19000")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m devstack.clickhouse",
        description="The ClickHouse engine behind its native protocol, for development and tests.",
    )
    parser.add_argument(
        "--listen",
        type=address,
        default="127.0.0.1:19000",
        metavar="HOST:PORT",
        help="where to accept clients; port 0 takes a free one (default: %(default)s)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="DIR",
        help="where the tables live; created when missing, used by one process at a time",
    )
    parser.add_argument(
        "--users",
        type=Path,
        default=os.environ.get(USERS_VARIABLE) or None,
        metavar="FILE",
        help="users as in ClickHouse's users.d; besides them only `default` without password, from this machine",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="what a server's config.xml says, such as remote_servers"
    )
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="speak TLS with this certificate (PEM)")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's key (PEM)")
    return parser.parse_args()


def serve(
    host: str,
    port: int,
    data: Path,
    given: Users | None = None,
    tls: ssl.SSLContext | None = None,
    config: Path | None = None,
) -> None:
    """Serve until a signal ends it. Raises StartError."""
    # Zones are said in the schema; the machine's own must not leak into answers.
    os.environ["TZ"] = "UTC"
    listener = bind(host, port)
    with own_directory(data.resolve()) as directory:
        server = Server(listener, Engine(directory, config), given, tls)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop())
        log.info("ready at %s:%d, tables in %s", *listener.getsockname()[:2], directory)
        server.serve()
        log.info("stopped")


def main() -> None:
    """The command."""
    given = arguments()
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s clickhouse: %(message)s"
    )
    allow_many_files()
    try:
        host, port = given.listen
        known = users.read(given.users, os.environ) if given.users else None
        serve(host, port, given.data, known, server_context(given.tls_cert, given.tls_key), given.config)
        status = 0
    except StartError as error:
        log.error("cannot start: %s", error)
        status = 1
    # The engine's destructors crash when they meet its own threads, so they are left out.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
