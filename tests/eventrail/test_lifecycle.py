import asyncio
import os
import signal

import pytest

from eventrail.errors import ConfigurationError
from eventrail.lifecycle import parser, run
from eventrail.settings import KafkaSettings


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0(number: signal.Signals) -> None:
    async def main(stop: asyncio.Event) -> None:
        os.kill(os.getpid(), number)
        await stop.wait()

    assert run("writer", main) == 0


def test_a_wrong_setting_is_told_without_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    async def main(_stop: asyncio.Event) -> None:
        raise ConfigurationError("EVENTRAIL_X: wrong")

    assert run("writer", main) == 2
    assert capsys.readouterr().err == "writer: cannot start\nEVENTRAIL_X: wrong\n"


def test_any_other_error_is_status_1() -> None:
    async def main(_stop: asyncio.Event) -> None:
        raise RuntimeError("bug")

    assert run("writer", main) == 1


def test_help_ends_with_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        parser("writer", "Writes.", KafkaSettings).parse_args(["--help"])
    assert "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS  [127.0.0.1:19092]" in capsys.readouterr().out
