"""examples/subscribers/faust, as a worker."""

import sys
from pathlib import Path

import pytest

from tests.examples.subscriber import EXAMPLES, check

COMMAND = (
    sys.executable,
    EXAMPLES / "faust" / "purchases.py",
    *("--quiet", "worker", "--without-web", "--loglevel", "info"),
)


@pytest.mark.stack
async def test_each_purchase_is_told_once_and_faults_are_passed_over(kafka: str, tmp_path: Path) -> None:
    await check(COMMAND, tmp_path, kafka)
