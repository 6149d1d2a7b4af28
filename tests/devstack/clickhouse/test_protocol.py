from io import BytesIO
from typing import Any

import pytest
from clickhouse_driver.connection import Connection
from clickhouse_driver.protocol import ClientPacketTypes
from hypothesis import given
from hypothesis import strategies as st

from devstack.clickhouse import protocol
from devstack.clickhouse.errors import ServerError, WireError
from devstack.clickhouse.protocol import OLDEST_REVISION, REVISION, Progress, Setting
from devstack.clickhouse.wire import Cursor, encode_string, encode_varint

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def cursor_on(raw: bytes) -> Cursor:
    left = BytesIO(raw)
    return Cursor(lambda: left.read(7))


class Out(BytesIO):
    """The driver's side of a connection, kept in memory."""


def driver(revision: int, **settings: Any) -> Connection:
    """A connection of the driver that writes into `fout` instead of a socket."""
    connection = Connection("nowhere", client_revision=revision, database="d", user="u", password="p")
    connection.connected = True
    connection.fout = Out()
    connection.server_info = type("Info", (), {"used_revision": revision})()
    connection.context.settings = settings
    connection.context.client_settings = {
        "opentelemetry_traceparent": TRACE if settings.get("traced") else None,
        "opentelemetry_tracestate": "state",
        "quota_key": "quota",
        "server_side_params": False,
    }
    return connection


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("revision", [OLDEST_REVISION, 54441, 54442, 54448, 54449, 54451, REVISION])
def test_queries_of_every_revision_are_read(revision: int, *, traced: bool) -> None:
    connection = driver(revision, max_threads=4, traced=traced)
    connection.send_query("SELECT 'é'", query_id="q")
    cursor = cursor_on(connection.fout.getvalue() + b"next")
    assert cursor.varint() == ClientPacketTypes.QUERY
    query = protocol.read_query(cursor, revision)
    assert query.sql == "SELECT 'é'"
    assert query.settings[0] == Setting("max_threads", "4", important=False)
    assert query.compressed is False
    assert cursor.read(4) == b"next"


def test_important_settings_and_compression_are_seen() -> None:
    connection = driver(REVISION, a=1)
    connection.settings_is_important = True
    connection.compression = 1
    connection.send_query("SELECT 1")
    cursor = cursor_on(connection.fout.getvalue())
    cursor.varint()
    query = protocol.read_query(cursor, REVISION)
    assert query.compressed is True
    assert query.settings == (Setting("a", "1", important=True),)


@pytest.mark.parametrize(("theirs", "used"), [(54400, 54400), (54460, REVISION), (REVISION, REVISION)])
def test_hello_of_the_driver_is_read(theirs: int, used: int) -> None:
    connection = driver(theirs)
    connection.send_hello()
    cursor = cursor_on(connection.fout.getvalue())
    assert cursor.varint() == ClientPacketTypes.HELLO
    hello = protocol.read_hello(cursor)
    assert (hello.revision, hello.database, hello.user, hello.password) == (used, "d", "u", "p")


def test_the_probe_says_hello_as_the_driver_does() -> None:
    cursor = cursor_on(protocol.client_hello("probe", "me"))
    assert cursor.varint() == ClientPacketTypes.HELLO
    hello = protocol.read_hello(cursor)
    assert (hello.client, hello.user, hello.revision) == ("probe", "me", REVISION)


def test_the_greeting_is_stepped_over_to_its_end() -> None:
    cursor = cursor_on(protocol.hello((26, 9, 2), "UTC") + b"!")
    assert protocol.skip_server_hello(cursor)
    assert cursor.read(1) == b"!"


def test_another_packet_is_no_greeting() -> None:
    assert not protocol.skip_server_hello(cursor_on(protocol.PONG))


@given(st.integers(-(2**31), 2**31 - 1), st.text())
def test_exception_has_code_and_text(code: int, text: str) -> None:
    cursor = cursor_on(protocol.exception(ServerError(code, text)))
    assert cursor.varint() == protocol.ServerPacket.EXCEPTION
    assert int.from_bytes(cursor.read(4), "little", signed=True) == code
    assert cursor.string(100) == "DB::Exception"
    assert cursor.string(1 << 20) == f"DB::Exception: {text}"
    assert cursor.string(0) == ""
    assert cursor.read(1) == b"\0"


def test_progress_has_five_numbers() -> None:
    cursor = cursor_on(protocol.progress(Progress(1, 200, 3, 4, 50000)))
    assert [cursor.varint() for _ in range(6)] == [3, 1, 200, 3, 4, 50000]


def test_a_query_over_http_is_refused() -> None:
    raw = encode_string("id") + b"\x01" + encode_string("") * 3 + bytes(8) + b"\x02"
    with pytest.raises(WireError, match="TCP"):
        protocol.read_query(cursor_on(raw), REVISION)


def test_an_endless_list_of_settings_is_refused() -> None:
    setting = encode_string("a") + b"\0" + encode_string("1")
    raw = encode_string("id") + b"\0" + setting * 10_001
    with pytest.raises(WireError, match="settings"):
        protocol.read_query(cursor_on(raw), REVISION)


def test_a_name_of_gigabytes_is_refused() -> None:
    with pytest.raises(WireError, match="allowed"):
        protocol.read_hello(cursor_on(encode_varint(1 << 40)))
