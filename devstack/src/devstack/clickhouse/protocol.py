"""Packets of ClickHouse's native protocol, revisions 54429 to 54453.

The announced revision is the last before columns got a custom-serialization byte (54454): from there on
blocks could no longer be passed through. Source: ClickHouse's src/Core/Protocol.h and
src/Core/ProtocolDefines.h, and the reader and writer of clickhouse-driver.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from devstack.clickhouse.errors import ServerError, WireError
from devstack.clickhouse.wire import Cursor, encode_string, encode_varint

REVISION = 54453
OLDEST_REVISION = 54429
"""From here on settings are sent as text; older clients are refused with a clear message."""

_WITH_SECRET = 54441
_WITH_TELEMETRY = 54442
_WITH_DISTRIBUTED_DEPTH = 54448
_WITH_START_TIME = 54449
_WITH_PARALLEL_REPLICAS = 54453

_MAX_NAME_BYTES = 64 << 10
_MAX_SETTINGS = 10_000
_MAX_QUERY_BYTES = 256 << 20
_IMPORTANT = 1


class ClientPacket(IntEnum):
    """What a client sends."""

    HELLO = 0
    QUERY = 1
    DATA = 2
    CANCEL = 3
    PING = 4


class ServerPacket(IntEnum):
    """What a server sends."""

    HELLO = 0
    DATA = 1
    EXCEPTION = 2
    PROGRESS = 3
    PONG = 4
    END_OF_STREAM = 5
    PROFILE_INFO = 6


@dataclass(frozen=True)
class Hello:
    """A client's first packet; `revision` is already the lower one of both sides."""

    client: str
    revision: int
    database: str
    user: str
    password: str


@dataclass(frozen=True)
class Setting:
    """A setting of one query; an `important` one must be known to the server."""

    name: str
    value: str
    important: bool


@dataclass(frozen=True)
class Query:
    """A query as the client sent it; `compressed` holds for the blocks of both directions."""

    sql: str
    settings: tuple[Setting, ...]
    compressed: bool


@dataclass(frozen=True)
class Progress:
    """Rows and bytes that were read or written since the last progress packet."""

    rows: int = 0
    bytes: int = 0
    total_rows: int = 0
    written_rows: int = 0
    written_bytes: int = 0


def read_hello(cursor: Cursor) -> Hello:
    """The body of a Hello packet."""
    client = cursor.string(_MAX_NAME_BYTES)
    cursor.varint()
    cursor.varint()
    revision = cursor.varint()
    database, user, password = (cursor.string(_MAX_NAME_BYTES) for _ in range(3))
    return Hello(client, min(revision, REVISION), database, user, password)


def read_query(cursor: Cursor, revision: int) -> Query:
    """The body of a Query packet as a client of this revision writes it."""
    cursor.string_bytes(_MAX_NAME_BYTES)
    _skip_client_info(cursor, revision)
    settings = _read_settings(cursor)
    if revision >= _WITH_SECRET:
        cursor.string_bytes(_MAX_NAME_BYTES)
    cursor.varint()
    compressed = bool(cursor.varint())
    return Query(cursor.string(_MAX_QUERY_BYTES), settings, compressed)


def _skip_client_info(cursor: Cursor, revision: int) -> None:
    if cursor.uint(1) == 0:
        return
    _skip_names(cursor, 3)
    if revision >= _WITH_START_TIME:
        cursor.skip(8)
    if cursor.uint(1) != 1:
        raise WireError("a query that did not come over TCP")
    _skip_names(cursor, 3)
    _skip_varints(cursor, 3)
    _skip_names(cursor, 1)
    _skip_varints(cursor, 2 if revision >= _WITH_DISTRIBUTED_DEPTH else 1)
    if revision >= _WITH_TELEMETRY and cursor.uint(1):
        cursor.skip(24)
        _skip_names(cursor, 1)
        cursor.skip(1)
    if revision >= _WITH_PARALLEL_REPLICAS:
        _skip_varints(cursor, 3)


def _skip_names(cursor: Cursor, count: int) -> None:
    for _ in range(count):
        cursor.string_bytes(_MAX_NAME_BYTES)


def _skip_varints(cursor: Cursor, count: int) -> None:
    for _ in range(count):
        cursor.varint()


def _read_settings(cursor: Cursor) -> tuple[Setting, ...]:
    settings: list[Setting] = []
    while name := cursor.string(_MAX_NAME_BYTES):
        flags = cursor.varint()
        value = cursor.string(_MAX_QUERY_BYTES)
        settings.append(Setting(name, value, bool(flags & _IMPORTANT)))
        if len(settings) > _MAX_SETTINGS:
            raise WireError(f"more than {_MAX_SETTINGS} settings in one query")
    return tuple(settings)


def client_hello(client: str, user: str) -> bytes:
    """A client's first packet, without password, for the default database."""
    return b"".join(
        (
            encode_varint(ClientPacket.HELLO),
            encode_string(client),
            encode_varint(0),
            encode_varint(1),
            encode_varint(REVISION),
            encode_string(""),
            encode_string(user),
            encode_string(""),
        )
    )


def skip_server_hello(cursor: Cursor) -> bool:
    """Step over a server's answer to Hello; False when it is another packet."""
    if cursor.varint() != ServerPacket.HELLO:
        return False
    _skip_names(cursor, 1)
    _skip_varints(cursor, 3)
    _skip_names(cursor, 2)
    _skip_varints(cursor, 1)
    return True


def hello(version: tuple[int, int, int], timezone: str) -> bytes:
    """The answer to Hello; `version` is (major, minor, patch)."""
    major, minor, patch = version
    return b"".join(
        (
            encode_varint(ServerPacket.HELLO),
            encode_string("ClickHouse"),
            encode_varint(major),
            encode_varint(minor),
            encode_varint(REVISION),
            encode_string(timezone),
            encode_string("eventrail-devstack"),
            encode_varint(patch),
        )
    )


def exception(error: ServerError) -> bytes:
    """An Exception packet without stack trace and nested exception."""
    return b"".join(
        (
            encode_varint(ServerPacket.EXCEPTION),
            error.code.to_bytes(4, "little", signed=True),
            encode_string("DB::Exception"),
            encode_string(f"DB::Exception: {error.message}"),
            encode_string(""),
            b"\0",
        )
    )


def progress(done: Progress) -> bytes:
    """A Progress packet; its numbers are added to the earlier ones by the client."""
    numbers = (done.rows, done.bytes, done.total_rows, done.written_rows, done.written_bytes)
    return encode_varint(ServerPacket.PROGRESS) + b"".join(map(encode_varint, numbers))


def profile_info(rows: int, blocks: int, size: int) -> bytes:
    """A ProfileInfo packet about a result of so many rows, blocks and bytes."""
    numbers = b"".join(map(encode_varint, (rows, blocks, size)))
    return encode_varint(ServerPacket.PROFILE_INFO) + numbers + b"\0" + encode_varint(0) + b"\0"


def data(block: bytes) -> bytes:
    """A Data packet around a block that is already framed (info and compression)."""
    return encode_varint(ServerPacket.DATA) + encode_string("") + block


PING = encode_varint(ClientPacket.PING)
PONG = encode_varint(ServerPacket.PONG)
END_OF_STREAM = encode_varint(ServerPacket.END_OF_STREAM)
