import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.clickhouse.errors import ServerError
from devstack.clickhouse.statement import (
    Insert,
    Kind,
    kind_of,
    parse_insert,
    tokens,
    without_output_clauses,
)


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT 1", Kind.SELECT),
        ("  /* INSERT */ -- SET\n (select 1) union all (select 2)", Kind.SELECT),
        ("with x as (select 1) select * from x", Kind.SELECT),
        ("from numbers(1) select 1", Kind.SELECT),
        ("insert into t values", Kind.INSERT),
        ("Set a = 1", Kind.SET),
        ("SHOW TABLES", Kind.OTHER),
        ("explain select 1", Kind.OTHER),
        ("", Kind.OTHER),
    ],
)
def test_kind(sql: str, kind: Kind) -> None:
    assert kind_of(sql) is kind


@pytest.mark.parametrize(
    ("sql", "insert"),
    [
        ("INSERT INTO t VALUES", Insert("t", "", "", "Values", "")),
        ("insert into t (a, b) values ", Insert("t", "(a, b)", "", "Values", "")),
        ("INSERT INTO `my db`.t (`a,)`) VALUES;", Insert("`my db`.t", "(`a,)`)", "", "Values", "")),
        ("INSERT INTO d . t FORMAT Native", Insert("d . t", "", "", "Native", "")),
        ("INSERT INTO TABLE t(a)VALUES", Insert("t", "(a)", "", "Values", "")),
        ("INSERT INTO t (* EXCEPT(a)) VALUES", Insert("t", "(* EXCEPT(a))", "", "Values", "")),
        (
            "INSERT INTO t SETTINGS async_insert=1, x='(' VALUES",
            Insert("t", "", "SETTINGS async_insert=1, x='('", "Values", ""),
        ),
        (
            "INSERT INTO FUNCTION null('a Int8') (a) VALUES",
            Insert("FUNCTION null('a Int8')", "(a)", "", "Values", ""),
        ),
        ("INSERT INTO t VALUES (1, 'x;')", Insert("t", "", "", "Values", "(1, 'x;')")),
        ("INSERT INTO t VALUES -- rows follow\n", Insert("t", "", "", "Values", "")),
        ("INSERT INTO t FORMAT CSV 1\n\n2", Insert("t", "", "", "CSV", "1\n\n2")),
        ("/* a */ INSERT /* b */ INTO -- c\n t VALUES", Insert("t", "", "", "Values", "")),
    ],
)
def test_insert_with_rows_is_taken_apart(sql: str, insert: Insert) -> None:
    assert parse_insert(sql) == insert


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t SELECT 1",
        "INSERT INTO t (a) SELECT 'x' AS VALUES",
        "INSERT INTO t WITH 1 AS x SELECT x",
        "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        "INSERT INTO t",
        "INSERT INTO",
        "INSERT",
        "INSERT INTO t FORMAT",
        "SELECT 'INSERT INTO t VALUES'",
        "",
    ],
)
def test_other_statements_are_left_to_the_engine(sql: str) -> None:
    assert parse_insert(sql) is None


def test_insert_reads_its_rows_from_a_file() -> None:
    insert = parse_insert("INSERT INTO d.t (a, `b`) SETTINGS x=1 VALUES")
    assert insert is not None
    assert " ".join(insert.from_file("/a'b", "Native").split()) == (
        r"INSERT INTO d.t (a, `b`) FROM INFILE '/a\'b' SETTINGS x=1 FORMAT Native"
    )
    assert insert.sample() == "SELECT a, `b` FROM d.t"


def test_sample_of_an_insert_into_a_function() -> None:
    insert = parse_insert("INSERT INTO FUNCTION null('a Int8') VALUES")
    assert insert is not None
    assert insert.sample() == "SELECT * FROM null('a Int8')"


@pytest.mark.parametrize(
    ("sql", "cut"),
    [
        ("SELECT 1", "SELECT 1"),
        ("SELECT 1 ; ;", "SELECT 1"),
        ("SELECT 1 -- c;", "SELECT 1 -- c;"),
        ("SELECT ';' FROM t FORMAT JSON", "SELECT ';' FROM t"),
        ("SELECT 1 format Native SETTINGS a=1;", "SELECT 1 SETTINGS a=1"),
        ("SELECT format FROM t", "SELECT format FROM t"),
        ("SELECT 1 AS format", "SELECT 1 AS format"),
        ("SELECT format x", "SELECT format x"),
        ("SELECT format('{}', 1)", "SELECT format('{}', 1)"),
        ("SELECT 'FORMAT CSV'", "SELECT 'FORMAT CSV'"),
    ],
)
def test_output_clauses_are_cut(sql: str, cut: str) -> None:
    assert " ".join(without_output_clauses(sql).split()) == cut


def test_outfile_is_refused() -> None:
    with pytest.raises(ServerError, match="OUTFILE"):
        without_output_clauses("SELECT 1 INTO OUTFILE 'x'")
    assert without_output_clauses("SELECT 'INTO OUTFILE'") == "SELECT 'INTO OUTFILE'"


@given(st.text())
def test_tokens_never_fail_and_never_overlap(sql: str) -> None:
    end = 0
    for token in tokens(sql):
        assert end <= token.start < token.end <= len(sql)
        assert sql[token.start : token.end] == token.text
        end = token.end


@given(st.text().map(lambda text: text.replace("\\", "\\\\").replace("'", "\\'")))
def test_a_quoted_text_is_one_token(text: str) -> None:
    assert [token.kind for token in tokens(f"'{text}'")] == ["quoted"]
