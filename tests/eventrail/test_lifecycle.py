import asyncio
import gc
import os
import signal
import weakref

import pytest

from eventrail.errors import ConfigurationError
from eventrail.lifecycle import collect_rarely, parser, run, unless
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


class Cycle:
    """Is its own member."""

    def __init__(self) -> None:
        self.me = self


def test_what_exists_is_not_collected_again_and_cycles_are_looked_for_rarely() -> None:
    before = gc.get_threshold()
    try:
        collect_rarely(50_000)
        assert gc.get_freeze_count() > 0
        cycle = weakref.ref(Cycle())
        some = [[] for _ in range(1_000)]  # type: list[list[int]]
        assert cycle() is not None, "at the interpreter's own pace it would be gone"
        some += [[] for _ in range(50_000)]
        assert cycle() is None
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


async def test_work_goes_on_until_it_is_told_to_stop_and_is_cancelled_then() -> None:
    stop, begun, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    running = asyncio.create_task(unless(stop, work()))
    await begun.wait()
    assert not running.done()
    stop.set()
    await running
    assert ended.is_set()


async def test_what_the_work_raises_is_raised() -> None:
    async def work() -> None:
        raise ConfigurationError("EVENTRAIL_X: wrong")

    with pytest.raises(ConfigurationError, match="EVENTRAIL_X"):
        await unless(asyncio.Event(), work())
