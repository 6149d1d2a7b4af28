"""examples/subscribers/aiokafka, as a program."""

import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.examples.subscriber import EXAMPLES, check, running, topic

PROGRAM = EXAMPLES / "aiokafka" / "purchases.py"
COMMAND = (sys.executable, PROGRAM)

pytestmark = pytest.mark.stack


async def test_each_purchase_is_told_once_and_faults_are_passed_over(kafka: str, tmp_path: Path) -> None:
    await check(COMMAND, tmp_path, kafka)


async def test_after_a_restart_it_goes_on_where_it_was(kafka: str, tmp_path: Path) -> None:
    group = f"example-{uuid4()}"
    async with topic(kafka) as there:
        first = await there.purchase(1)
        async with running(COMMAND, tmp_path, kafka, group) as example:
            await example.until(first)
            await there.until_committed(kafka, group)
        second = await there.purchase(2)
        async with running(COMMAND, tmp_path, kafka, group) as example:
            assert first not in await example.until(second)
