"""examples/subscribers/typescript, whose code is generated from the contract and run by Node."""

import shutil
import sys
from pathlib import Path

import pytest

from devstack import npm
from devstack.npm import NODE, SDK
from devstack.terminal import say
from tests.examples.subscriber import EXAMPLES, check

FOLDER = EXAMPLES / "typescript"
TSC = SDK / "node_modules" / "typescript" / "bin" / "tsc"


@pytest.fixture(scope="module")
def generated() -> Path:
    """The folder of the example, with its packages and its generated code."""
    npm.install(say, FOLDER)
    shutil.rmtree(FOLDER / "generated", ignore_errors=True)
    npm.run([str(Path(sys.executable).with_name("buf")), "generate"], FOLDER)
    return FOLDER


@pytest.mark.slow
def test_its_types_hold(generated: Path) -> None:
    npm.install(say)
    npm.run([str(NODE), str(TSC), "--project", str(generated)], generated)


@pytest.mark.stack
async def test_each_purchase_is_told_once_and_faults_are_passed_over(
    kafka: str, generated: Path, tmp_path: Path
) -> None:
    await check((NODE, generated / "purchases.ts"), tmp_path, kafka)
