"""`./dev up`: start everything, show that it works, serve until told to stop."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from devstack import answers, browser_script, clickhouse_users, demo, environment, jars, keys, ports, programs
from devstack.claim import claimed
from devstack.errors import BadOption, DevstackError, SdkError
from devstack.identity import identify
from devstack.ports import Addresses
from devstack.process import Program
from devstack.programs import Plan
from devstack.readiness import quiet_client_logs
from devstack.state import ProgramState, StackState, StateDir
from devstack.supervisor import Supervisor
from devstack.terminal import say, say_error

INTERRUPTED = 130
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TEMPORARY_PREFIX = "data-"
DATA_LOCK = "data.lock"


Planner = Callable[[Addresses, Path], Plan]


@dataclass(frozen=True)
class Options:
    """What `up` was asked for. `data` is None for a fresh folder that is removed at the end."""

    once: bool
    demo: bool
    data: Path | None
    addresses: Addresses


def up(options: Options, state_dir: StateDir, planned: Planner | None = None) -> int:
    """Run a stack from start to end and return the exit status. Blocks until it is over.

    0 after `--once` or when it was told to stop while it served, 130 when it was told to stop
    before, 1 when it failed. Raises DevstackError when it could not even begin.
    `planned` chooses other programs than the embedded stack's.
    """
    quiet_client_logs()
    with state_dir.claimed():
        ports.require_free(options.addresses)
        _remove_old_logs(state_dir)
        with _data_folder(options, state_dir) as data:
            plan = (planned or _embedded)(options.addresses, data)
            variables = _variables(options.addresses, data)
            return asyncio.run(_run(options, state_dir, data, plan, variables))


def _embedded(addresses: Addresses, data: Path) -> Plan:
    jars.ensure(say)
    try:
        browser_script.ensure(say)
    except SdkError as error:
        say_error(f"the stack starts without the browser script, so /s.js answers 404: {error}")
    return programs.embedded(addresses, data)


def _variables(addresses: Addresses, data: Path) -> dict[str, str]:
    for name in environment.overruled(os.environ, addresses):
        say(f"note: {name} of the environment is not used by ./dev up")
    made = {**keys.secrets_of(data), "EVENTRAIL_COLLECTOR_SCRIPT": str(browser_script.FOLDER)}
    return environment.build(os.environ, addresses, made)


def _remove_old_logs(state_dir: StateDir) -> None:
    for log in state_dir.log("any").parent.glob("*.log"):
        log.unlink()


@contextmanager
def _data_folder(options: Options, state_dir: StateDir) -> Iterator[Path]:
    for left_over in state_dir.path.glob(f"{TEMPORARY_PREFIX}*"):
        shutil.rmtree(left_over, ignore_errors=True)
    if options.data is not None:
        kept = _own_folder(options.data)
        with claimed(kept / DATA_LOCK, _in_use(kept)):
            yield kept
        return
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=state_dir.path))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _own_folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadOption(f"--data {path} cannot be used as a folder: {error.strerror}") from error
    return path.resolve()


def _in_use(data: Path) -> str:
    # A second broker would damage the first one's files before it finds its lock.
    return f"--data {data} is in use by another stack; end that one, or give another folder"


async def _run(
    options: Options, state_dir: StateDir, data: Path, plan: Plan, variables: dict[str, str]
) -> int:
    own = clickhouse_users.own_variables(options.addresses.clickhouse, variables["EVENTRAIL_SALT_SECRET"])
    supervisor = Supervisor(variables, state_dir.log, say_error, own=own)
    return await _Stack(options, state_dir, data, plan, supervisor).run()


class _Stack:
    """One run of `up` inside its event loop."""

    def __init__(
        self,
        options: Options,
        state_dir: StateDir,
        data: Path,
        plan: Plan,
        supervisor: Supervisor,
    ) -> None:
        self._options = options
        self._state_dir = state_dir
        self._data = data
        self._plan = plan
        self._serving = False
        self._signals = 0
        self._me = identify(os.getpid())
        self._supervisor = supervisor
        supervisor.changed = self._write_note

    async def run(self) -> int:
        work = asyncio.create_task(self._work())
        self._listen_for_signals(work)
        try:
            return await work
        except asyncio.CancelledError:
            return 0 if self._serving and not self._options.once else INTERRUPTED
        except DevstackError as error:
            say_error(f"\n{error}")
            return 1
        finally:
            await self._end()

    def _listen_for_signals(self, work: asyncio.Task[int]) -> None:
        loop = asyncio.get_running_loop()
        killing: set[asyncio.Task[None]] = set()

        def on_signal() -> None:
            self._signals += 1
            if self._signals == 1:
                say("\nstopping; once more ends everything at once")
                work.cancel()
            elif not killing:
                killing.add(loop.create_task(self._supervisor.kill()))

        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, on_signal)

    async def _work(self) -> int:
        say(f"data in {self._data}, logs in {self._state_dir.log('any').parent}")
        await self._start(self._plan.backends)
        say("  ... topics and tables")
        await self._supervisor.run_jobs(self._plan.jobs)
        await self._start(self._plan.services)
        if self._options.demo:
            await self._show_demo()
        self._serving = True
        if self._options.once:
            return 0
        say(_addresses_text(self._options.addresses))
        raise await self._supervisor.failed

    async def _start(self, group: Sequence[Program]) -> None:
        say(f"  ... {', '.join(program.name for program in group)}")
        await self._supervisor.start(group)

    async def _show_demo(self) -> None:
        day = demo.load()
        count = day.counts().total()
        say(f"  ... a recorded day: {count} events of {len(day.visits)} visits, through HTTP")
        async with httpx.AsyncClient(timeout=demo.REQUEST_TIMEOUT_S, trust_env=False) as client:
            today = datetime.now(UTC).date()
            shown = demo.Demo(day, self._options.addresses, client, today)
            await shown.run()
            await _print_answers(shown)

    def _write_note(self) -> None:
        pids = self._supervisor.pids()
        listed = tuple(
            ProgramState(program.name, pids.get(program.name), str(program.address))
            for program in self._plan.programs
        )
        if self._me is not None:
            self._state_dir.write(StackState(self._me, str(self._data), listed))

    async def _end(self) -> None:
        await self._supervisor.stop(programs.STOP_ORDER)
        self._state_dir.clear()
        say("stopped")


async def _print_answers(shown: demo.Demo) -> None:
    say("\nGET /api/websites/demo-shop/events")
    say(answers.names_table(await shown.ask("", {})))
    say("\nGET /api/websites/demo-shop/events/properties?event_name=purchase")
    asked = {"event_name": "purchase"}
    say(answers.properties_table(await shown.ask("/properties", asked)))
    say("\nGET /api/websites/demo-shop/events/timeseries?event_name=product_viewed&granularity=hour")
    asked = {"event_name": "product_viewed", "granularity": "hour"}
    say(answers.series_chart(await shown.ask("/timeseries", asked)))


def _addresses_text(addresses: Addresses) -> str:
    return f"""
The stack is up. Ctrl-C stops it.
  collector   {addresses.collector.url}/api/collect   (docs: {addresses.collector.url}/docs)
  script      {addresses.collector.url}/s.js
  query API   {addresses.query_api.url}/api/websites/demo-shop/events   (docs: {addresses.query_api.url}/docs)
  enricher    {addresses.enricher.url}/metrics
  writer      {addresses.writer.url}/metrics
  auditor     {addresses.auditor.url}/metrics
  Kafka       {addresses.kafka}
  ClickHouse  {addresses.clickhouse} (native protocol)"""
