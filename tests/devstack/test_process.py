import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.errors import StartFailed
from devstack.process import Job, Run, describe_status, run_job, until_ready

Script = Callable[[str], tuple[str, ...]]
MakeJob = Callable[[str, str], Job]

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ignoring", flush=True)
while True: time.sleep(60)
"""


async def started(run: Run, word: str) -> None:
    async def question() -> str:
        return "" if word in run.log.read_text() else "not yet"

    await until_ready(question, 20)


async def test_output_and_errors_are_appended_to_the_log(tmp_path: Path, script: Script) -> None:
    command = script("import sys; print('out', flush=True); print('err', file=sys.stderr)")
    log = tmp_path / "logs" / "x.log"
    for _ in range(2):
        run = await Run.start(command, log, os.environ)
        assert await run.wait() == 0
    assert log.read_text() == "out\nerr\nout\nerr\n"


async def test_the_end_of_the_log_is_that_of_this_run(tmp_path: Path, script: Script) -> None:
    log = tmp_path / "log"
    log.write_text("an earlier run\n")
    talking = await Run.start(script("print('this run')"), log, os.environ)
    await talking.wait()
    assert talking.log_end() == "    this run"
    silent = await Run.start(script(""), log, os.environ)
    await silent.wait()
    assert silent.log_end() == "    (it wrote nothing)"


async def test_the_environment_is_exactly_the_given_one(tmp_path: Path, script: Script) -> None:
    command = script("import os; print(os.environ.get('GIVEN'), os.environ.get('HOME'))")
    run = await Run.start(command, tmp_path / "log", {"GIVEN": "yes"})
    await run.wait()
    assert run.log.read_text() == "yes None\n"


async def test_stop_is_orderly_when_the_process_listens(tmp_path: Path, script: Script) -> None:
    command = script(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "print('up', flush=True)\n"
        "time.sleep(600)"
    )
    run = await Run.start(command, tmp_path / "log", os.environ)
    await started(run, "up")
    assert await run.stop(20) == 7


async def test_stop_kills_when_patience_ends(tmp_path: Path, script: Script) -> None:
    run = await Run.start(script(STUBBORN), tmp_path / "log", os.environ)
    await started(run, "ignoring")
    assert await run.stop(0.2) == -signal.SIGKILL


async def test_stopping_twice_or_after_the_end_is_fine(tmp_path: Path, script: Script) -> None:
    run = await Run.start(script("exit(3)"), tmp_path / "log", os.environ)
    assert await run.wait() == 3
    assert await run.stop(1) == 3
    assert await run.kill() == 3


async def test_ctrl_c_at_the_terminal_does_not_reach_the_process(tmp_path: Path, script: Script) -> None:
    run = await Run.start(script("import os; print(os.getsid(0), os.getpid())"), tmp_path / "log", os.environ)
    await run.wait()
    session, pid = run.log.read_text().split()
    assert session == pid
    assert int(session) != os.getsid(0)


async def test_a_job_that_fails_is_shown_with_the_end_of_its_log(tmp_path: Path, job: MakeJob) -> None:
    failing = job("topics create", "print('first'); print('the reason'); exit(4)")
    with pytest.raises(StartFailed, match=r"topics create ended with status 4:\n    first\n    the reason"):
        await run_job(failing, tmp_path / "log", os.environ, 30)


async def test_a_job_that_hangs_is_ended(tmp_path: Path, job: MakeJob) -> None:
    with pytest.raises(StartFailed, match=r"did not end in 0\.5 s"):
        await run_job(job("hanging", STUBBORN), tmp_path / "log", os.environ, 0.5)


async def test_a_job_that_works_says_nothing(tmp_path: Path, job: MakeJob) -> None:
    await run_job(job("fine", "print('done')"), tmp_path / "log", os.environ, 30)
    assert (tmp_path / "log").read_text() == "done\n"


async def test_questions_are_asked_until_yes_and_the_last_no_is_told() -> None:
    answers = ["not yet", "nearly", ""]

    async def improving() -> str:
        return answers.pop(0)

    async def never() -> str:
        return "no broker"

    await until_ready(improving, 10)
    assert answers == []
    with pytest.raises(TimeoutError, match="no broker"):
        await until_ready(never, 0.3)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended with status 0"),
        (1, "ended with status 1"),
        (-9, "was ended by SIGKILL"),
        (-250, "signal 250"),
    ],
)
def test_statuses_are_told_in_words(status: int, words: str) -> None:
    assert words in describe_status(status)
