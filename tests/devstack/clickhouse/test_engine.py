import fcntl
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.clickhouse import command
from devstack.clickhouse.engine import quote, to_server_error
from devstack.clickhouse.statement import tokens


@given(st.text())
def test_a_quoted_text_stays_one_literal(text: str) -> None:
    (token,) = tokens(quote(text))
    assert token.kind == "quoted"
    assert re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL) == text


def test_code_and_message_are_taken_from_the_text_of_the_engine() -> None:
    text = "Streaming query failed: Code: 395. DB::Exception: Code: 1. inside\nnext (X)"
    error = to_server_error(RuntimeError(text))
    assert (error.code, error.message) == (395, "Code: 1. inside\nnext (X)")


def test_a_text_without_code_is_passed_on() -> None:
    error = to_server_error(RuntimeError("out of luck"))
    assert (error.code, error.message) == (1002, "out of luck")


def test_a_missing_parameter_names_the_way_out() -> None:
    text = "Code: 456. DB::Exception: Substitution `a` is not set. (UNKNOWN_QUERY_PARAMETER)"
    assert "server_side_params" in to_server_error(RuntimeError(text)).message


@pytest.mark.stack
def test_a_directory_that_another_program_has_open_is_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with (data / "status").open("w") as status:
        # This is how the engine itself marks a directory as its own.
        fcntl.flock(status, fcntl.LOCK_EX)
        argv = command("127.0.0.1:0", data)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert f"the engine cannot open the directory {data}" in done.stderr
