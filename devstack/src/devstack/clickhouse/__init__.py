"""The real ClickHouse engine (chDB) behind a TCP server of its native protocol.

Clients such as clickhouse-driver work with it as with any ClickHouse. `python -m devstack.clickhouse --help`
says how to start it; `command` and `ready` are for programs that do.
"""

from __future__ import annotations

from devstack.clickhouse.probe import command, ready

__all__ = ["command", "ready"]
