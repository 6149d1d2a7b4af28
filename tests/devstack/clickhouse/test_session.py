"""What an unmodified clickhouse-driver sees of the server."""

import datetime as dt
import random
import socket
import sys
import threading
import types
import uuid
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
from clickhouse_driver import Client, connection, dbapi
from clickhouse_driver.errors import ServerException

from devstack.clickhouse.protocol import OLDEST_REVISION, REVISION

pytestmark = pytest.mark.stack

Table = Callable[[str], str]
Connect = Callable[..., Client]
UTC = dt.UTC


def code_of(run: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(ServerException) as refusal:
        run()
    return refusal.value.code, str(refusal.value)


# ---- answers


@pytest.mark.parametrize("revision", [OLDEST_REVISION, 54441, 54448, REVISION, None])
@pytest.mark.parametrize("compression", [False, "lz4", "lz4hc"])
def test_every_revision_and_compression(
    connect: Connect, table: Table, revision: int | None, compression: str | bool
) -> None:
    client = connect(client_revision=revision, compression=compression)
    name = table("a UInt64, b LowCardinality(String)")
    assert client.execute(f"INSERT INTO {name} VALUES", [(1, "x"), (2, "y")]) == 2
    assert client.execute(f"SELECT * FROM {name} ORDER BY a") == [(1, "x"), (2, "y")]


def test_hello_tells_version_and_zone(client: Client) -> None:
    assert client.execute("SELECT timezone()") == [("UTC",)]
    info = client.connection.server_info
    assert (info.name, info.timezone, info.revision) == ("ClickHouse", "UTC", REVISION)
    told = client.execute("SELECT version()")[0][0]
    assert told.startswith(f"{info.version_major}.{info.version_minor}.{info.version_patch}.")


def test_ping(client: Client) -> None:
    client.connection.connect()
    assert client.connection.ping() is True


def test_parameters_are_substituted_by_the_client(client: Client) -> None:
    hard = "o'x \\ \n\n ; -- é 😀 \0"
    sql = "SELECT %(text)s, %(number)s, %(none)s, %(day)s, %(list)s"
    values = {
        "text": hard, "number": 7, "none": None, "day": dt.date(2024, 1, 2), "list": [1, 2],
    }  # fmt: skip
    assert client.execute(sql, values) == [(hard, 7, None, "2024-01-02", [1, 2])]


def test_parameters_on_the_server_side_are_refused_with_the_way_out(connect: Connect) -> None:
    client = connect(settings={"server_side_params": True})
    code, text = code_of(lambda: client.execute("SELECT {a:UInt8}", {"a": 1}))
    assert code == 456
    assert "server_side_params" in text
    assert "%(name)s" in text


def test_results_come_in_many_blocks(client: Client) -> None:
    blocks = client.execute_iter("SELECT number FROM numbers(200000)", settings={"max_block_size": 1000})
    assert sum(row[0] for row in blocks) == 200000 * 199999 // 2


def test_columns_of_an_empty_result(client: Client) -> None:
    sql = "SELECT 1 AS a, 1 AS a, (1, 'b')::Tuple(x UInt8, y String) AS t WHERE 0 -- no row"
    assert client.execute(sql, with_column_types=True) == (
        [],
        [("a", "UInt8"), ("a", "UInt8"), ("t", "Tuple(x UInt8, y String)")],
    )


def test_columns_of_an_empty_result_under_limits(client: Client) -> None:
    settings = {"readonly": 1, "max_result_rows": 1, "result_overflow_mode": "throw"}
    found = client.execute("SELECT 1 AS a, 2 AS b WHERE 0;", with_column_types=True, settings=settings)
    assert found == ([], [("a", "UInt8"), ("b", "UInt8")])


def test_statements_that_cannot_be_streamed(client: Client, table: Table) -> None:
    name = table("a UInt64, b String")
    database, bare = name.split(".")
    assert (bare,) in client.execute(f"SHOW TABLES FROM {database}")
    assert [row[:2] for row in client.execute(f"DESCRIBE TABLE {name}")] == [
        ("a", "UInt64"),
        ("b", "String"),
    ]
    assert client.execute(f"EXISTS TABLE {name}") == [(1,)]
    assert client.execute("EXPLAIN SYNTAX SELECT 1")


def test_a_format_clause_is_left_to_the_client(client: Client) -> None:
    assert client.execute("SELECT 1, 'FORMAT CSV' FORMAT JSONEachRow;") == [(1, "FORMAT CSV")]


def test_one_row_counts_in_the_summary(client: Client) -> None:
    client.execute("SELECT number FROM numbers(5)")
    assert (client.last_query.profile_info.rows, client.last_query.profile_info.blocks) == (5, 1)


def test_progress_adds_up(client: Client) -> None:
    rows = 30_000_000
    progress = client.execute_with_progress(f"SELECT max(sipHash64(number)) FROM numbers({rows})")
    assert rows in {total for _, total in progress}
    assert client.last_query.progress.rows == rows


def test_dbapi(shared_server: Any) -> None:
    with dbapi.connect(f"clickhouse://default@127.0.0.1:{shared_server.port}") as opened:
        cursor = opened.cursor()
        cursor.execute("SELECT number AS n FROM numbers(3)")
        assert cursor.fetchall() == [(0,), (1,), (2,)]
        assert cursor.description[0][0] == "n"
        cursor.close()


# ---- types

MOMENT = dt.datetime(2024, 2, 29, 12, 34, 56, 789000, tzinfo=UTC)
VALUES: list[tuple[str, list[Any]]] = [
    ("UInt64", [0, 2**64 - 1]),
    ("Int128", [-(2**127), 2**127 - 1]),
    ("UInt256", [0, 2**256 - 1]),
    ("Float64", [0.1, float("inf")]),
    ("Bool", [True, False]),
    ("String", ["", "a\n\nb\0é😀"]),
    ("FixedString(3)", ["abc", "xyz"]),
    ("UUID", [uuid.UUID(int=1), uuid.UUID(int=2**128 - 1)]),
    ("Date", [dt.date(1970, 1, 1), dt.date(2149, 6, 6)]),
    ("Date32", [dt.date(1900, 1, 1), dt.date(2299, 12, 31)]),
    ("DateTime64(3, 'UTC')", [MOMENT, dt.datetime(1970, 1, 1, tzinfo=UTC)]),
    ("Decimal(18, 4)", [Decimal("1.2345"), Decimal("-99999999999999.9999")]),
    ("Enum8('a' = -1, 'it''s' = 2)", ["a", "it's"]),
    ("IPv4", [IPv4Address("1.2.3.4"), IPv4Address("255.255.255.255")]),
    ("IPv6", [IPv6Address("::1"), IPv6Address("2001:db8::")]),
    ("Nullable(String)", [None, "x"]),
    ("Nullable(DateTime64(3, 'UTC'))", [None, MOMENT]),
    ("LowCardinality(String)", ["x", "x"]),
    ("LowCardinality(Nullable(String))", [None, "x"]),
    ("Array(String)", [[], ["a", ""]]),
    ("Array(Array(UInt8))", [[], [[], [1, 2]]]),
    ("Array(LowCardinality(String))", [["a", "b"], ["a"]]),
    ("Array(Nullable(UInt8))", [[None, 1], []]),
    ("Map(String, String)", [{}, {"a": "b", "": "*"}]),
    ("Map(LowCardinality(String), Array(UInt8))", [{}, {"a": [1]}]),
    ("Tuple(UInt8, String)", [(1, "a"), (2, "b")]),
    ("Tuple(x UInt8, `y z` Nullable(String))", [(1, None), (2, "b")]),
    ("Array(Tuple(String, LowCardinality(String)))", [[("a", "b")], [("c", "d"), ("e", "f")]]),
    ("JSON", [{"a": {"b": 1}}, {"c": ["x", "y"]}]),
]  # fmt: skip


@pytest.mark.parametrize("compression", [False, True])
def test_types_there_and_back(connect: Connect, table: Table, *, compression: bool) -> None:
    client = connect(compression=compression)
    columns = [f"c{number} {spec}" for number, (spec, _) in enumerate(VALUES)]
    name = table(", ".join(["id UInt8", *columns]))
    data = [[0, 1], *(values for _, values in VALUES)]
    client.execute(f"INSERT INTO {name} VALUES", [list(c) for c in data], columnar=True)
    found = client.execute(f"SELECT * FROM {name} ORDER BY id", columnar=True, with_column_types=True)
    assert [list(values) for values in found[0]] == data
    assert [spec for _, spec in found[1]] == [
        "UInt8", *(spec.replace("''", "\\'") for spec, _ in VALUES)
    ]  # fmt: skip


# ---- inserts


def test_rows_columns_dicts_and_generators(client: Client, table: Table) -> None:
    name = table("a UInt8, b String")
    insert = f"INSERT INTO {name} (b, a) VALUES"
    assert client.execute(insert, [("r", 1)]) == 1
    assert client.execute(insert, [{"a": 2, "b": "d"}]) == 1
    assert client.execute(insert, [["c", "c"], [3, 4]], columnar=True) == 2
    assert client.execute(insert, (("g", n) for n in (5, 6))) == 2
    assert client.execute(insert, []) == 0
    found = client.execute(f"SELECT a, b FROM {name} ORDER BY a")
    assert found == [(1, "r"), (2, "d"), (3, "c"), (4, "c"), (5, "g"), (6, "g")]


def test_an_insert_sees_what_another_client_made_of_the_table(
    client: Client, connect: Connect, table: Table
) -> None:
    name = table("a UInt8, b UInt8")
    insert = f"INSERT INTO {name} VALUES"
    client.execute(insert, [(1, 1)])
    connect().execute(f"ALTER TABLE {name} ADD COLUMN c String, MODIFY COLUMN b Int64")
    client.execute(insert, [(2, -2, "x")])
    assert client.execute(f"SELECT a, b, c FROM {name} ORDER BY a") == [(1, 1, ""), (2, -2, "x")]


def test_an_insert_means_the_table_of_the_database_in_use(
    client: Client, request: pytest.FixtureRequest
) -> None:
    name = request.node.name[:40]
    for number, type_ in enumerate(("UInt8", "String")):
        client.execute(f"CREATE DATABASE {name}{number}")
        client.execute(f"CREATE TABLE {name}{number}.t (a {type_}) ENGINE = Memory")
    for number, value in enumerate((1, "x")):
        client.execute(f"USE {name}{number}")
        client.execute("INSERT INTO t VALUES", [(value,)])
        assert client.execute("SELECT a FROM t") == [(value,)]


def test_many_blocks_are_one_insert(client: Client, table: Table) -> None:
    name = table("a UInt32, s String")
    rows = [(n, "é" * (n % 90)) for n in range(30_000)]
    settings = {"insert_block_size": 1000}
    assert client.execute(f"INSERT INTO {name} VALUES", rows, settings=settings) == len(rows)
    assert client.execute(f"SELECT count(), sum(a), sum(lengthUTF8(s)) FROM {name}") == [
        (len(rows), sum(n for n, _ in rows), sum(len(s) for _, s in rows))
    ]
    parts = f"SELECT count() FROM system.parts WHERE active AND table = '{name.split('.')[1]}'"
    assert client.execute(parts) == [(1,)]


def test_left_out_columns_get_their_defaults(client: Client, table: Table) -> None:
    name = table("a UInt8, b UInt8 DEFAULT a + 1, m UInt8 MATERIALIZED a + 2, l UInt8 ALIAS a + 3")
    client.execute(f"INSERT INTO {name} (a) VALUES", [(1,)])
    client.execute(f"INSERT INTO {name} VALUES", [(5, 5)])
    assert client.execute(f"SELECT a, b, m, l FROM {name} ORDER BY a") == [(1, 2, 3, 4), (5, 5, 7, 8)]


def test_rows_in_the_statement(client: Client, table: Table) -> None:
    name = table("a UInt8, b String")
    client.execute(f"INSERT INTO {name} VALUES (1, 'a\n\nb;'),\n\n(1 + 1, upper('x'))")
    client.execute(f'INSERT INTO {name} FORMAT JSONEachRow {{"a":3}}\n\n{{"a":4,"b":";"}}')
    client.execute(f"INSERT INTO {name} SELECT 5, 'q'")
    found = client.execute(f"SELECT a, b FROM {name} ORDER BY a")
    assert found == [(1, "a\n\nb;"), (2, "X"), (3, ""), (4, ";"), (5, "q")]


def test_zstd_blocks_are_understood(connect: Connect, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    # A zstd frame may hold its bytes as they are (RFC 8878, 3.1.1.2.2), so no library is needed.
    def stored(raw: bytes) -> bytes:
        assert len(raw) < 1 << 17
        size = len(raw).to_bytes(4, "little")
        block = (len(raw) << 3 | 1).to_bytes(3, "little")
        return b"\x28\xb5\x2f\xfd\xa0" + size + block + raw

    fake = types.ModuleType("zstd")
    fake.compress = stored  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "zstd", fake)
    name = table("a UInt8, b String")
    client = connect(compression="zstd")
    client.execute(f"INSERT INTO {name} VALUES", [(1, "zstd")])
    assert client.execute(f"SELECT * FROM {name}") == [(1, "zstd")]


def test_errors_of_the_table_are_never_swallowed(client: Client, table: Table) -> None:
    name = table("a UInt8, CONSTRAINT small CHECK a < 10")
    assert client.execute(f"INSERT INTO {name} VALUES", [(9,)]) == 1
    code, text = code_of(lambda: client.execute(f"INSERT INTO {name} VALUES", [(1,), (11,)]))
    assert code == 469
    assert "small" in text
    assert client.execute(f"SELECT * FROM {name}") == [(9,)]


def test_insert_into_what_is_not_there(client: Client, table: Table) -> None:
    assert code_of(lambda: client.execute("INSERT INTO nope VALUES", [(1,)]))[0] == 60
    name = table("a UInt8")
    assert code_of(lambda: client.execute(f"INSERT INTO {name} (b) VALUES", [(1,)]))[0] == 47


def test_the_same_token_is_stored_once(client: Client, table: Callable[..., str]) -> None:
    engine = "MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100"
    name = table("a UInt8", engine)
    for token in ("one", "one", "two", "one"):
        settings = {"insert_deduplication_token": token}
        client.execute(f"INSERT INTO {name} VALUES", [(1,), (2,)], settings=settings)
    assert client.execute(f"SELECT count() FROM {name}") == [(4,)]


def test_a_client_that_leaves_in_the_middle_of_an_insert_leaves_nothing(
    connect: Connect, client: Client, table: Table
) -> None:
    name = table("a UInt32")

    def rows() -> Any:
        yield from ((n,) for n in range(5000))
        raise KeyError("the source broke")

    with pytest.raises(KeyError):
        connect().execute(f"INSERT INTO {name} VALUES", rows(), settings={"insert_block_size": 1000})
    assert client.execute(f"SELECT count() FROM {name}") == [(0,)]


def test_the_tables_of_the_project_work(client: Client, table: Callable[..., str]) -> None:
    name = table(
        "website LowCardinality(String), event_id UUID, at DateTime64(3, 'UTC'), accepted DateTime64(3, "
        "'UTC'), tags Array(String), data Map(String, String), kind Enum8('a' = 1), n Nullable(UInt64), "
        "day Date, version UInt64, INDEX by_at at TYPE minmax GRANULARITY 1",
        "ReplacingMergeTree(version) PARTITION BY toYYYYMM(accepted) ORDER BY (website, day, event_id)",
    )
    row = ("w", uuid.UUID(int=1), MOMENT, MOMENT, ["t"], {"k": "v"}, "a", None, MOMENT.date())
    later = MOMENT + dt.timedelta(days=40)
    for version, accepted in ((1, MOMENT), (2, later)):
        values = [(*row[:3], accepted, *row[4:], version)]
        client.execute(f"INSERT INTO {name} VALUES", values)
    settings = {"final": 1, "do_not_merge_across_partitions_select_final": 0}
    assert client.execute(f"SELECT count() FROM {name}") == [(2,)]
    final = f"SELECT version, tags, data, kind, n FROM {name} FINAL WHERE at = %(at)s"
    moment = MOMENT.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    assert client.execute(final, {"at": moment}) == [(2, ["t"], {"k": "v"}, "a", None)]
    assert client.execute(f"SELECT version FROM {name}", settings=settings) == [(2,)]
    gone = f"ALTER TABLE {name} DELETE WHERE website = 'w'"
    client.execute(gone, settings={"mutations_sync": 2})
    assert client.execute(f"SELECT count() FROM {name}") == [(0,)]


# ---- settings and sessions


def test_settings_hold_for_one_query(client: Client) -> None:
    sql = "SELECT getSetting('max_threads'), getSetting('session_timezone')"
    (before,) = client.execute(sql)
    settings = {"max_threads": 3, "session_timezone": "Asia/Tokyo"}
    assert client.execute(sql, settings=settings) == [(3, "Asia/Tokyo")]
    assert client.execute(sql) == [before]


def test_settings_are_undone_after_an_error(client: Client, connect: Connect) -> None:
    keeper = connect()
    keeper.execute("SELECT 1")
    for sql in ("SELECT nope", "SELECT 1; SELECT 2", "INSERT INTO nope VALUES"):
        code_of(lambda sql=sql: keeper.execute(sql, settings={"max_block_size": 77}))  # type: ignore[misc]
        assert keeper.execute("SELECT getSetting('max_block_size') = 77") == [(0,)]


def test_readonly_ends_with_its_query(client: Client, table: Table) -> None:
    name = table("a UInt8")
    client.execute("USE eventrail")
    client.execute("SET max_threads = 3")
    sql = "SELECT getSetting('max_threads'), currentDatabase()"
    assert client.execute(sql, settings={"readonly": 1}) == [(3, "eventrail")]
    assert client.execute(sql) == [(3, "eventrail")]
    client.execute(f"INSERT INTO {name} VALUES", [(1,)])


def test_readonly_forbids_to_write(client: Client, table: Table) -> None:
    name = table("a UInt8")
    drop = f"TRUNCATE TABLE {name}"
    assert code_of(lambda: client.execute(drop, settings={"readonly": 1}))[0] == 164


def test_what_a_session_sets_stays_and_concerns_nobody_else(client: Client, connect: Connect) -> None:
    sql = "SELECT getSetting('max_block_size')"
    client.execute("SET max_block_size = 123")
    assert client.execute(sql, settings={"max_block_size": 5}) == [(5,)]
    assert client.execute(sql) == [(123,)]
    assert connect().execute(sql) != [(123,)]


def test_a_bad_value_of_a_setting_is_refused(client: Client) -> None:
    sql = "SELECT getSetting('max_block_size') = 5"
    settings = {"max_block_size": 5, "max_threads": "many"}
    assert code_of(lambda: client.execute(sql, settings=settings))[0] == 27
    assert client.execute(sql) == [(0,)]


def test_unknown_settings_are_refused_only_when_important(connect: Connect) -> None:
    settings = {"no_such_setting": 1}
    assert connect().execute("SELECT 1", settings=settings) == [(1,)]
    strict = connect(settings_is_important=True)
    code, text = code_of(lambda: strict.execute("SELECT 1", settings=settings))
    assert code == 115
    assert "no_such_setting" in text


@pytest.mark.parametrize(
    ("settings", "code", "sql"),
    [
        ({"max_execution_time": 0.3}, 159, "SELECT sum(sipHash64(number)) FROM numbers(10000000000)"),
        ({"max_memory_usage": 1 << 22}, 241, "SELECT uniqExact(number) FROM numbers(10000000)"),
        ({"max_rows_to_read": 10}, 158, "SELECT count() FROM (SELECT number FROM system.numbers LIMIT 20)"),
        ({"max_result_rows": 10}, 396, "SELECT number FROM numbers(20)"),
    ],
)
def test_limits_hold(client: Client, settings: dict[str, Any], code: int, sql: str) -> None:
    assert code_of(lambda: client.execute(sql, settings=settings))[0] == code


def test_the_database_of_hello_is_used(connect: Connect, table: Table) -> None:
    name = table("a UInt8")
    inside = connect(database="eventrail")
    assert inside.execute("SELECT currentDatabase()") == [("eventrail",)]
    assert inside.execute(f"SELECT count() FROM {name.split('.')[1]}") == [(0,)]


def test_a_database_that_does_not_exist_is_refused(connect: Connect) -> None:
    code, text = code_of(lambda: connect(database="no-such").execute("SELECT 1"))
    assert code == 81
    assert "no-such" in text


@pytest.mark.parametrize("who", [{"user": "root"}, {"user": "default", "password": "x"}])
def test_other_users_are_refused(connect: Connect, who: dict[str, str]) -> None:
    code, text = code_of(lambda: connect(**who).execute("SELECT 1"))
    assert code == 516
    assert "default" in text


def test_an_old_client_is_told_so(connect: Connect) -> None:
    code, text = code_of(lambda: connect(client_revision=54420).execute("SELECT 1"))
    assert code == 48
    assert "54420" in text
    assert "newer client" in text


# ---- refusals


@pytest.mark.parametrize(
    ("sql", "code", "text"),
    [
        ("SELECT nope", 47, "nope"),
        ("SELECT * FROM nope", 60, "nope"),
        ("SELECT throwIf(number = 99999) FROM numbers(100000)", 395, "throwIf"),
        ("SELECT 1; SELECT 2", 62, "Multi-statements"),
        ("INSERT INTO t VALUES (1); SELECT 1", 62, "Multi-statements"),
        ("CREATE TABLE a (b UInt8) ENGINE = Memory; SELECT 1", 62, "Multi-statements"),
        ("", 62, "Empty query"),
        ("SELEC 1", 62, "Syntax error"),
        ("1 + 1", 62, "Syntax error"),
        ("SELECT 1 INTO OUTFILE 'x'", 36, "OUTFILE"),
    ],
)
def test_errors_have_code_and_text_and_the_next_query_works(
    client: Client, sql: str, code: int, text: str
) -> None:
    found, message = code_of(lambda: client.execute(sql))
    assert (found, message.count(text) > 0) == (code, True), message
    assert "DB::Exception: " in message
    assert client.execute("SELECT 1") == [(1,)]


def test_external_tables_are_refused_clearly(client: Client) -> None:
    tables = [{"name": "t", "structure": [("a", "String")], "data": [{"a": "x"}]}]
    code, text = code_of(lambda: client.execute("SELECT * FROM t", external_tables=tables))
    assert code == 48
    assert "external tables" in text


def test_an_unknown_type_in_an_insert_is_named(client: Client, table: Table) -> None:
    name = table("a AggregateFunction(sum, UInt64)")
    raw = socket.create_connection(("127.0.0.1", client.connection.hosts[0][1]), 10)
    with raw:
        from devstack.clickhouse import blocks, protocol
        from devstack.clickhouse.wire import encode_string, encode_varint

        empty = b"\x02\x00" + blocks.INFO + b"\0\0"
        sql = encode_string(f"INSERT INTO {name} VALUES")
        query = b"\x01" + encode_string("") + b"\0" + b"\0" + b"\0" + b"\x02\x00" + sql
        block = encode_varint(1) * 2 + encode_string("a")
        block += encode_string("AggregateFunction(sum, UInt64)") + b"12345678"
        raw.sendall(protocol.client_hello("test", "default") + query + empty)
        raw.sendall(b"\x02\x00" + blocks.INFO + block)
        raw.settimeout(10)
        answer = b""
        while chunk := raw.recv(4096):
            answer += chunk
    assert b"'AggregateFunction(sum, UInt64)' cannot be sent" in answer


# ---- several clients, and bad ones


def test_many_clients_at_once(connect: Connect, table: Table) -> None:
    name = table("client UInt8, n UInt32")
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            client = connect(compression=number % 2 == 0)
            for n in range(10):
                settings = {"max_block_size": 1000 + number}
                client.execute(f"INSERT INTO {name} VALUES", [(number, n)] * 20, settings=settings)
                sql = f"SELECT getSetting('max_block_size'), count() FROM {name} WHERE client = {number}"
                assert client.execute(sql, settings=settings) == [(1000 + number, 20 * (n + 1))]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert connect().execute(f"SELECT count(), uniq(client) FROM {name}") == [(1600, 8)]


@pytest.mark.parametrize(
    "garbage",
    [b"\xff" * 64, b"\x00" + b"\xff" * 9 + b"\x01", b"\x04", b"", bytes(range(1, 256)) * 100],
    ids=["varint", "endless name", "ping first", "nothing", "noise"],
)
def test_garbage_harms_nobody_else(client: Client, garbage: bytes) -> None:
    client.execute("SELECT 1")
    with socket.create_connection(("127.0.0.1", client.connection.port), 10) as bad:
        bad.settimeout(10)
        bad.sendall(garbage)
        bad.shutdown(socket.SHUT_WR)
        while bad.recv(4096):
            pass
    assert client.execute("SELECT 2") == [(2,)]


class Recorder:
    """Writes to a socket and keeps what it wrote."""

    def __init__(self, peer: socket.socket, record: bytearray) -> None:
        self._peer, self._record = peer, record

    def sendall(self, raw: bytes) -> None:
        self._record += raw
        self._peer.sendall(raw)


def conversation(connect: Connect, name: str, patch: pytest.MonkeyPatch, **options: Any) -> bytes:
    """All that a client sends for an insert and a query."""
    record = bytearray()
    writer = connection.BufferedSocketWriter
    with patch.context() as patched:
        patched.setattr(
            connection,
            "BufferedSocketWriter",
            lambda peer, size: writer(Recorder(peer, record), size),
        )
        client = connect(**options)
        rows = [(n, "é" * n, {"a": str(n)}, f"v{n % 3}") for n in range(40)]
        client.execute(f"INSERT INTO {name} VALUES", rows, settings={"max_threads": 2})
        client.execute("SELECT number, toString(number) FROM numbers(10)")
    return bytes(record)


def damaged(raw: bytes, rng: random.Random) -> bytes:
    broken = bytearray(raw)
    for _ in range(rng.choice((1, 1, 2, 5))):
        # The head holds the packets, the rest mostly rows.
        at = rng.randrange(rng.choice((len(broken), min(len(broken), 300))))
        length = rng.randrange(1, 9)
        change = rng.choice((bytes(1), rng.randbytes(length), b""))
        broken[at : at + rng.choice((0, 1, length))] = change
    return bytes(broken)


@pytest.mark.parametrize("compression", [False, True])
def test_damaged_conversations_harm_nobody_else(
    connect: Connect,
    client: Client,
    table: Table,
    shared_server: Any,
    monkeypatch: pytest.MonkeyPatch,
    *,
    compression: bool,
) -> None:
    name = table("n UInt8, s String, m Map(String, String), l LowCardinality(String)")
    raw = conversation(connect, name, monkeypatch, compression=compression)
    rng = random.Random(11)
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", shared_server.port), 10) as bad:
            bad.settimeout(10)
            with suppress(ConnectionError):
                bad.sendall(damaged(raw, rng))
                bad.shutdown(socket.SHUT_WR)
                while bad.recv(1 << 16):
                    pass
    assert client.execute("SELECT 3") == [(3,)]
    assert " ERROR " not in shared_server.log.read_text(errors="replace")


def test_an_http_client_is_told_where_it_is(client: Client) -> None:
    client.execute("SELECT 1")
    with socket.create_connection(("127.0.0.1", client.connection.port), 10) as bad:
        bad.settimeout(10)
        bad.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = bad.recv(4096)
    assert answer.startswith(b"HTTP/1.0 400")
    assert b"native protocol" in answer


def resident_bytes(pid: int) -> int:
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in line)
    return int(line.split()[1]) << 10


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_large_result_needs_little_memory(client: Client, shared_server: Any) -> None:
    pid = shared_server.process.pid
    client.execute("SELECT 1")
    before = most = resident_bytes(pid)
    rows, left = 4_000_000, 4_000_000 * 201
    client.connection.send_query(f"SELECT repeat('x', 199) FROM numbers({rows})")
    client.connection.send_external_tables([])
    # Decoding is the client's affair and slow; the bytes are enough to see whether the server holds them.
    while left > 0:
        left -= len(client.connection.socket.recv(1 << 20))
        most = max(most, resident_bytes(pid))
    # The answer has 800 MB, the engine's blocks of 65 thousand rows have 13 MB each.
    assert most - before < 400 << 20
