"""The packages of `sdk/` by their own tools: types, units, and the size of what is built."""

import gzip
from pathlib import Path

import pytest

from devstack import browser_script, npm
from devstack.npm import NODE, SDK

pytestmark = pytest.mark.slow

BIN = SDK / "node_modules" / ".bin"
MOST_BYTES = 3_000


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    npm.install(lambda _: None)


def test_types_are_strict_and_right() -> None:
    npm.run([str(NODE), str(BIN / "tsc"), "--noEmit"], SDK)


def test_units() -> None:
    told = npm.run([str(NODE), str(BIN / "vitest"), "run", "--no-color"], SDK)
    assert "passed" in told


def test_the_script_is_as_small_as_it_promises(tmp_path: Path) -> None:
    folder = browser_script.ensure(lambda _: None, tmp_path / "script")
    plain, packed = (folder / "s.js").read_bytes(), (folder / "s.js.gz").read_bytes()
    assert len(packed) <= MOST_BYTES
    assert gzip.decompress(packed) == plain
    assert len((folder / "s.js.br").read_bytes()) < len(packed)
    assert len(gzip.compress(plain, 9, mtime=0)) <= MOST_BYTES + 20  # another program's gzip
