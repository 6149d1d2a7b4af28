"""The door to chDB: the real ClickHouse engine inside this process.

One `Engine` per process and directory, one `Connection` per client. All methods block, and release the
interpreter while the engine works. All refusals of the engine are raised as ServerError with its code.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from devstack.clickhouse import access
from devstack.clickhouse.errors import (
    SYNTAX_ERROR,
    UNKNOWN_EXCEPTION,
    UNKNOWN_QUERY_PARAMETER,
    ServerError,
    StartError,
)
from devstack.clickhouse.spool import Spool

_MESSAGE = re.compile(r"Code: (\d+)\. DB::Exception: (.*)", re.DOTALL)
_SETTING_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
_NOT_STREAMED = "Streaming query is not supported"
# chDB takes `1 + 1` for a SELECT; a server does not, and says where a typing error is.
_AS_A_SERVER = "SET implicit_select = 0"
_MARK = "log_comment"
_JSON_ROWS = "JSONCompactEachRow"
_CONTENTS_SECONDS = 1.0
_MOST_SAMPLES = 100


def quote(text: str) -> str:
    """A string literal of ClickHouse's SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def to_server_error(error: RuntimeError) -> ServerError:
    """The engine's code and message out of the text that chDB raises."""
    match = _MESSAGE.search(str(error))
    if match is None:
        return ServerError(UNKNOWN_EXCEPTION, str(error))
    code, message = int(match[1]), match[2]
    if code == UNKNOWN_QUERY_PARAMETER:
        message += (
            ". This server knows no parameters on the server's side: leave server_side_params "
            "unset and write %(name)s in the query"
        )
    return ServerError(code, message)


class Connection:
    """What one client has of the engine: its database, its settings, one statement at a time.

    `connect` opens the connection of chDB that this one stands for.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._raw = self._open()
        self._session_settings: dict[str, str] = {}
        self._samples: dict[str, tuple[int, list[tuple[str, str]]]] = {}
        self._to_restore: list[str] = []

    def _open(self) -> Any:
        try:
            raw = self._connect()
            raw.query(_AS_A_SERVER)
        except RuntimeError as error:
            raise to_server_error(error) from error
        return raw

    def close(self) -> None:
        """End the connection; a statement must not be running."""
        self._raw.close()

    def _run(self, sql: str, form: str = "Native") -> Any:
        try:
            return self._raw.query(sql, form)
        except RuntimeError as error:
            raise to_server_error(error) from error

    def use(self, database: str) -> None:
        """Make this the current database. Raises ServerError 81 when there is none of this name."""
        escaped = database.replace("\\", "\\\\").replace("`", "\\`")
        self._run(f"USE `{escaped}`")

    def check_single(self, sql: str) -> None:
        """Raise ServerError 62 when these are several statements, or none."""
        # chDB shows this function on its inner connection only.
        counted = self._raw._conn.classify_query(sql)["statement_count"]  # noqa: SLF001
        if counted > 1:
            raise ServerError(
                SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed): send them one by one"
            )
        if not sql.strip():
            raise ServerError(SYNTAX_ERROR, "Syntax error: Empty query")

    def apply(self, settings: Mapping[str, str], mark: str) -> None:
        """Set these for the next statement, and a mark by which `Engine.kill` finds it."""
        for name in settings:
            if not _SETTING_NAME.match(name):
                raise ServerError(SYNTAX_ERROR, f"{name!r} is not the name of a setting")
        wanted = {**settings, _MARK: mark}
        self._run("SET " + ", ".join(f"{name} = {quote(value)}" for name, value in wanted.items()))
        self._to_restore = list(settings)

    def restore(self) -> None:
        """Undo `apply`: back to what the session had set itself, or to the defaults."""
        if not self._to_restore:
            return
        session = self._session_settings
        values = (
            f"{name} = {quote(session[name]) if name in session else 'DEFAULT'}" for name in self._to_restore
        )
        self._to_restore = []
        try:
            self._run("SET " + ", ".join(values))
        except ServerError:
            # `readonly` forbids its own end.
            self._reopen()

    def _reopen(self) -> None:
        """Start anew with the same database and session settings."""
        (database,) = json.loads(self._run("SELECT currentDatabase()", _JSON_ROWS).bytes())
        self._raw.close()
        self._raw = self._open()
        self.use(database)
        settings = self._session_settings.items()
        if settings:
            self._run("SET " + ", ".join(f"{name} = {quote(value)}" for name, value in settings))

    def remember_settings(self) -> None:
        """Note what a SET statement of the client changed, for `restore`."""
        changed = self._run("SELECT name, value FROM system.settings WHERE changed", _JSON_ROWS)
        rows = [json.loads(line) for line in changed.bytes().splitlines()]
        self._session_settings = {name: value for name, value in rows if name != _MARK}

    def adopt(self, settings: Mapping[str, str]) -> None:
        """Set these for the whole session, as a user's profile says; statements are put back to them."""
        if settings:
            self._run("SET " + ", ".join(f"{name} = {quote(value)}" for name, value in settings.items()))
            self.remember_settings()

    def database(self) -> str:
        """The current database."""
        (name,) = json.loads(self._run("SELECT currentDatabase()", _JSON_ROWS).bytes())
        return str(name)

    def on_progress(self, callback: Callable[[dict[str, int]], None] | None) -> None:
        """Call back about every 100 ms while a statement runs, in the thread that waits for it.

        The numbers count from the start of the statement.
        """
        self._raw.set_progress_callback(callback)

    def stream(self, sql: str) -> Generator[bytes]:
        """The blocks of a SELECT as they are made, each in format Native.

        Raises NotStreamedError where the engine cannot do that. Closing the iterator ends the
        statement, which can take long unless `Engine.kill` was called before.
        """
        try:
            result = self._raw.send_query(sql, "Native")
        except RuntimeError as error:
            if _NOT_STREAMED in str(error):
                raise NotStreamedError from error
            raise to_server_error(error) from error
        try:
            for chunk in result:
                yield chunk.bytes()
        except RuntimeError as error:
            raise to_server_error(error) from error
        finally:
            # What is to be told was told; a killed statement refuses to be closed a second time.
            with suppress(RuntimeError):
                result.close()

    def run(self, sql: str) -> bytes:
        """Run any statement to its end; its result as Native blocks in a row, often none."""
        return bytes(self._run(sql).bytes())

    def columns(self, sql: str) -> list[tuple[str, str]]:
        """Names and types of the columns that a SELECT would answer with; no row is read."""
        # The line break ends a comment at the end of the query. DESCRIBE would be shorter, but it breaks
        # types into lines and falls under limits such as max_result_rows.
        answer = self._run(f"SELECT * FROM (\n{sql}\n) LIMIT 0", "JSONCompact")  # noqa: S608
        return [(item["name"], item["type"]) for item in json.loads(answer.bytes())["meta"]]

    def sample(self, sql: str, changes: int) -> list[tuple[str, str]]:
        """As `columns`, for an INSERT that comes again and again: asked once as long as `changes` is the same.

        To ask costs 10 ms for a table of 40 columns, as much as to insert a thousand rows.
        """
        known = self._samples.get(sql)
        if known is None or known[0] != changes:
            if len(self._samples) >= _MOST_SAMPLES:
                self._samples.clear()
            known = self._samples[sql] = changes, self.columns(sql)
        return known[1]


class NotStreamedError(Exception):
    """The engine answers this statement only at once."""


class Engine:
    """The engine on one directory. Raises StartError when it cannot be opened.

    `config` is a file of ClickHouse's own settings of a server, such as `remote_servers`.
    """

    def __init__(self, directory: Path, config: Path | None = None) -> None:
        # Loading chDB takes a second and starts threads: not before a server is really wanted.
        from chdb.state import connect  # noqa: PLC0415

        self._connect = connect
        self._place = f"{directory}?config-file={config}" if config else str(directory)
        try:
            self._own = connect(self._place)
        except RuntimeError as error:
            raise StartError(
                f"the engine cannot open the directory {directory}: {error}. "
                "Another process may use it, or its files may be of another program"
            ) from error
        self._lock = threading.Lock()
        self.version, self.timezone = self._about()
        self.setting_names = self._setting_names()
        self._contents: tuple[float, access.Engine] | None = None
        self.changes = 0
        """Statements so far that may have changed a table, or what a name stands for."""

    def _about(self) -> tuple[tuple[int, int, int], str]:
        row = json.loads(self._own.query("SELECT version(), timezone()", _JSON_ROWS).bytes())
        major, minor, patch = (int(part) for part in row[0].split(".")[:3])
        return (major, minor, patch), row[1]

    def _setting_names(self) -> frozenset[str]:
        names = self._own.query("SELECT name FROM system.settings", "TSVRaw").bytes()
        return frozenset(names.decode().split("\n"))

    def contents(self) -> access.Engine:
        """All tables, as they were at most a second ago, and the table functions."""
        with self._lock:
            now = time.monotonic()
            if self._contents is None or now - self._contents[0] > _CONTENTS_SECONDS:
                self._contents = now, self._look()
            return self._contents[1]

    def forget_contents(self) -> None:
        """After a statement that may have made or removed a table: a new one must not stay unknown for a second."""
        with self._lock:
            self._contents = None
            self.changes += 1

    def _look(self) -> access.Engine:
        tables = self._own.query("SELECT database, name FROM system.tables", _JSON_ROWS).bytes()
        functions = self._own.query("SELECT lower(name) FROM system.table_functions", "TSVRaw").bytes()
        found = (json.loads(line) for line in tables.splitlines())
        return access.Engine(
            frozenset((database, name) for database, name in found), frozenset(functions.decode().split("\n"))
        )

    def connect(self) -> Connection:
        """A new connection, in database `default`."""
        return Connection(lambda: self._connect(self._place))

    def kill(self, mark: str) -> None:
        """Tell the statement with this mark to stop; returns at once, also when there is none."""
        with self._lock:
            self._own.query(f"KILL QUERY WHERE Settings['{_MARK}'] = {quote(mark)} ASYNC", "Null")

    def unzstd(self, packed: bytes) -> bytes:
        """Decode a zstd frame. Raises ServerError when it is none."""
        with Spool() as spool, self._lock:
            spool.write(packed)
            source = f"file({quote(spool.path)}, RawBLOB, 'data String', 'zstd')"
            sql = f"SELECT data FROM {source}"  # noqa: S608 - a path of this process
            try:
                return bytes(self._own.query(sql, "RawBLOB").bytes())
            except RuntimeError as error:
                raise to_server_error(error) from error

    def close(self) -> None:
        """Close the engine's own connection; all others must be closed before."""
        with self._lock:
            self._own.close()
