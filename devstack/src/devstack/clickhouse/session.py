"""One client: its packets in, the engine's answers out."""

from __future__ import annotations

import logging
import socket
import uuid
from contextlib import suppress

from devstack.clickhouse import access, blocks, compression, protocol
from devstack.clickhouse.answer import Answer
from devstack.clickhouse.engine import Connection, Engine, NotStreamedError
from devstack.clickhouse.errors import (
    AUTHENTICATION_FAILED,
    NOT_IMPLEMENTED,
    QUERY_WAS_CANCELLED,
    UNEXPECTED_PACKET_FROM_CLIENT,
    UNKNOWN_EXCEPTION,
    UNKNOWN_SETTING,
    ClientGone,
    ServerError,
    WireError,
)
from devstack.clickhouse.protocol import ClientPacket, Hello, Query
from devstack.clickhouse.spool import Spool
from devstack.clickhouse.statement import (
    Insert,
    Kind,
    kind_of,
    parse_insert,
    without_output_clauses,
)
from devstack.clickhouse.users import User, Users
from devstack.clickhouse.watch import Interruption, Running, Watch
from devstack.clickhouse.wire import Cursor

log = logging.getLogger(__name__)

HELLO_SECONDS = 10.0
PACKET_SECONDS = 300.0
"""How long a client may take to go on in the middle of a packet, or to take an answer."""

_RECEIVE_BYTES = 1 << 18
_LAST_WORDS_SECONDS = 1.0
_USER = "default"
_FIRST_OF_HTTP = frozenset(b"CDGHOPT")
_NOT_HTTP = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n"
    b"This port speaks ClickHouse's native protocol (clickhouse-client, clickhouse-driver), not HTTP.\n"
)


class Session:
    """Serves one client in the thread that calls `serve`."""

    def __init__(
        self,
        client: socket.socket,
        engine: Engine,
        watch: Watch,
        users: Users | None = None,
        *,
        local: bool = True,
    ) -> None:
        self._client = client
        self._users = users
        self._local = local
        self._user: User | None = None
        self._engine = engine
        self._watch = watch
        self._cursor = Cursor(self._receive)
        self._connection: Connection | None = None
        self._revision = protocol.REVISION
        self._name = "a client"

    def serve(self) -> None:
        """Talk with the client until one of both sides ends; never raises because of the client."""
        try:
            self._greet()
            while True:
                self._next_packet()
        except WireError as error:
            log.warning("%s broke the protocol and was dropped: %s", self._name, error)
            self._last_words(ServerError(UNEXPECTED_PACKET_FROM_CLIENT, str(error)))
        except ServerError as error:
            self._last_words(error)
        except (ClientGone, OSError):
            pass
        except Exception as error:
            log.exception("%s was dropped by a fault of the server", self._name)
            self._last_words(ServerError(UNKNOWN_EXCEPTION, f"a fault of the server: {error!r}"))
        finally:
            if self._connection is not None:
                self._connection.close()
            self._client.close()

    # ---- bytes

    def _receive(self) -> bytes:
        return self._client.recv(_RECEIVE_BYTES)

    def _send(self, packet: bytes) -> None:
        try:
            self._client.sendall(packet)
        except OSError:
            # A packet may have gone out by half: nothing may follow it.
            with suppress(OSError):
                self._client.shutdown(socket.SHUT_RDWR)
            raise

    def _last_words(self, error: ServerError) -> None:
        """Tell the error and close; unread bytes are taken, or they would undo the telling."""
        with suppress(OSError):
            self._client.settimeout(_LAST_WORDS_SECONDS)
            self._send(protocol.exception(error))
            self._client.shutdown(socket.SHUT_WR)
            for _ in range(64):
                if not self._receive():
                    break

    # ---- packets

    def _greet(self) -> None:
        self._client.settimeout(HELLO_SECONDS)
        if (kind := self._cursor.varint()) != ClientPacket.HELLO:
            if kind in _FIRST_OF_HTTP:
                self._send(_NOT_HTTP)
            raise WireError(f"it started with packet {kind} instead of Hello")
        hello = protocol.read_hello(self._cursor)
        self._name = f"client {hello.client!r}"
        _check_welcome(hello)
        self._user = _admit(hello, self._users, local=self._local)
        self._revision = hello.revision
        self._connection = self._engine.connect()
        if hello.database:
            self._connection.use(hello.database)
        if self._user is not None:
            self._connection.adopt(self._user.profile.settings)
        self._send(protocol.hello(self._engine.version, self._engine.timezone))

    def _next_packet(self) -> None:
        self._cursor.begin()
        self._client.settimeout(None)
        kind = self._cursor.varint()
        self._client.settimeout(PACKET_SECONDS)
        if kind == ClientPacket.PING:
            self._send(protocol.PONG)
        elif kind == ClientPacket.QUERY:
            self._query(protocol.read_query(self._cursor, self._revision))
        elif kind != ClientPacket.CANCEL:
            # A cancel that comes after the end of its query is no mistake.
            raise WireError(f"packet {kind} where a query or ping was due")

    def _query(self, query: Query) -> None:
        try:
            self._read_external_tables(query)
            self._execute(query)
        except ServerError as error:
            self._send(protocol.exception(error))

    def _read_external_tables(self, query: Query) -> None:
        """After each query come the client's temporary tables, ended by an empty block."""
        found = False
        while (block := self._read_data(query)) is not None and block.columns:
            found = True
        if found:
            raise ServerError(
                NOT_IMPLEMENTED,
                "external tables are not supported by the embedded server: "
                "insert the rows into a table, or write them into the query",
            )

    def _read_data(self, query: Query) -> blocks.Block | None:
        """The block of the next Data packet; None when a Cancel came instead."""
        self._cursor.begin()
        kind = self._cursor.varint()
        if kind == ClientPacket.CANCEL:
            return None
        if kind != ClientPacket.DATA:
            raise WireError(f"packet {kind} where a block of data was due")
        self._cursor.string_bytes(1 << 16)
        if not query.compressed:
            return blocks.read_block(self._cursor)
        frames = Cursor(lambda: compression.read_frame(self._cursor, self._engine.unzstd))
        return blocks.read_block(frames)

    # ---- statements

    @property
    def _engine_connection(self) -> Connection:
        assert self._connection is not None, "statements come after the greeting"  # noqa: S101
        return self._connection

    def _execute(self, query: Query) -> None:
        connection = self._engine_connection
        insert = parse_insert(query.sql)
        if insert is None or insert.form == "Values":
            connection.check_single(query.sql)
        mark = str(uuid.uuid4())
        settings = self._known_settings(query)
        if self._user is not None:
            access.check(self._user, query.sql, settings, connection.database(), self._engine.contents())
        kind = kind_of(query.sql)
        connection.apply(settings, mark)
        try:
            self._answer(query, insert, mark)
        finally:
            connection.restore()
            if kind is Kind.OTHER:
                self._engine.forget_contents()
        if kind is Kind.SET:
            connection.remember_settings()

    def _known_settings(self, query: Query) -> dict[str, str]:
        """As a server does: unknown settings are left out unless the client calls them important."""
        known = self._engine.setting_names
        for setting in query.settings:
            if setting.name in known:
                continue
            if setting.important:
                raise ServerError(UNKNOWN_SETTING, f"Unknown setting '{setting.name}'")
            log.warning("%s sent an unknown setting %r: ignored", self._name, setting.name)
        return {item.name: item.value for item in query.settings if item.name in known}

    def _answer(self, query: Query, insert: Insert | None, mark: str) -> None:
        answer = Answer(self._send, compressed=query.compressed)
        with Spool() as spool:
            form = "Native"
            if insert is not None and insert.data:
                form = insert.form
                spool.write(insert.data.encode())
            elif insert is not None and not self._receive_rows(query, insert, spool, answer):
                self._send(protocol.END_OF_STREAM)
                return
            sql = query.sql if insert is None else insert.from_file(spool.path, form)
            self._run_watched(sql, mark, answer)
        answer.end(spool.size if insert is not None else 0)

    def _receive_rows(self, query: Query, insert: Insert, spool: Spool, answer: Answer) -> bool:
        """Take all blocks of an INSERT; False when there is nothing to insert."""
        columns = self._engine_connection.sample(insert.sample(), self._engine.changes)
        answer.header(columns)
        while (block := self._read_data(query)) is not None and block.columns:
            if block.rows:
                spool.write(block.native)
                answer.written += block.rows
        return block is not None and answer.written > 0

    def _run_watched(self, sql: str, mark: str, answer: Answer) -> None:
        """Run while the client is watched. Raises ClientGone when it hung up."""
        with self._watch.statement(self._client, mark) as running:
            if self._cursor.unread[:1] == bytes((ClientPacket.CANCEL,)):
                self._cursor.skip(1)
                self._watch.interrupt(running, Interruption.CANCELLED)
            self._engine_connection.on_progress(answer.progress)
            try:
                self._run(sql, answer, running)
            except ServerError:
                if running.interruption is None:
                    raise
            except OSError:
                self._watch.interrupt(running, Interruption.GONE)
                raise
            finally:
                self._engine_connection.on_progress(None)
        if running.interruption is Interruption.GONE:
            raise ClientGone
        if running.interruption is Interruption.STOPPING:
            raise ServerError(QUERY_WAS_CANCELLED, "Query was cancelled: the server is stopping")

    def _run(self, sql: str, answer: Answer, running: Running) -> None:
        if kind_of(sql) is not Kind.SELECT:
            self._run_at_once(sql, answer)
            return
        sql = without_output_clauses(sql)
        try:
            self._stream(sql, answer, running)
        except NotStreamedError:
            self._run_at_once(sql, answer)

    def _run_at_once(self, sql: str, answer: Answer) -> None:
        for block in blocks.split(self._engine_connection.run(sql)):
            answer.block(block.native)

    def _stream(self, sql: str, answer: Answer, running: Running) -> None:
        stream = self._engine_connection.stream(sql)
        try:
            for block in stream:
                if running.interruption is not None:
                    return
                answer.block(block)
        except OSError:
            # The engine is still at work: it has to hear of it before the stream is closed.
            self._watch.interrupt(running, Interruption.GONE)
            raise
        finally:
            stream.close()
        if not answer.blocks and running.interruption is None:
            answer.header(self._engine_connection.columns(sql))


def _check_welcome(hello: Hello) -> None:
    """Raise ServerError for a client that cannot be served."""
    if hello.revision < protocol.OLDEST_REVISION:
        raise ServerError(
            NOT_IMPLEMENTED,
            f"the client speaks revision {hello.revision} of the native protocol, this server "
            f"{protocol.OLDEST_REVISION} to {protocol.REVISION}: use a newer client",
        )


def _admit(hello: Hello, users: Users | None, *, local: bool) -> User | None:
    """The user who says hello; None for the one who may do all. Raises ServerError for everybody else.

    That one is `default` without a password. With a file of users it is for people on this machine alone.
    """
    if hello.user in ("", _USER) and not hello.password and (local or users is None):
        return None
    user = users.admitted(hello.user, hello.password) if users is not None else None
    if user is None:
        known = (
            "" if users is not None else f": the embedded server knows one user, '{_USER}' without a password"
        )
        raise ServerError(
            AUTHENTICATION_FAILED,
            f"{hello.user}: Authentication failed: password is incorrect, or there is no user with such name{known}",
        )
    return user
