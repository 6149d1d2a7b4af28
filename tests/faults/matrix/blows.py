"""What is broken, and how: plans that a seed decides, and their execution on a stack."""

import asyncio
import random
import resource
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tests.faults.matrix.stack import SESSION_TIMEOUT_S, Stack

OUTAGE_S = 60.0
TARGETS = ("collector-1", "enricher-1", "writer-1", "query-api-1", "auditor-1", "kafka", "clickhouse")
PAIRS = tuple((one, two) for place, one in enumerate(TARGETS) for two in TARGETS[place + 1 :])
_CONSUMERS = ("enricher", "writer")


@dataclass(frozen=True)
class Plan:
    """One blow: what it is, when it falls (seconds after the load began), and which services run before it."""

    seed: int
    kind: str
    words: str
    at_s: float
    services: tuple[str, ...]
    strike: Callable[[Stack], Awaitable[None]]


def plan(seed: int, kind: str | None = None) -> Plan:
    """The plan of a seed; `kind` overrules what it would choose."""
    source = random.Random(f"blow {seed}")
    chosen = source.choices(tuple(KINDS), weights=[weight for weight, _ in KINDS.values()])[0]
    kind = kind or chosen
    words, strike = KINDS[kind][1](source)
    replicas = source.choice((1, 2))
    services = [f"{name}-{number}" for name in _CONSUMERS for number in range(1, replicas + 1)]
    doors = ("collector-1", "collector-2", "query-api-1", "auditor-1")
    return Plan(seed, kind, words, round(source.uniform(2.0, 5.0), 3), (*doors, *services), strike)


Strike = Callable[[Stack], Awaitable[None]]
Made = tuple[str, Strike]


def _kill(names: Sequence[str], source: random.Random) -> Made:
    down_s = round(source.choice((0.0, 0.0, source.uniform(0.2, 3.0), source.uniform(3.0, 9.0))), 2)

    async def strike(stack: Stack) -> None:
        there = [name for name in names if stack.members[name].alive]
        await stack.kill(*there)
        await asyncio.sleep(down_s)
        for name in there:
            await stack.start(name)

    return f"kill -9 {' + '.join(names)}, started again after {down_s:g} s", strike


def _kill_one(source: random.Random) -> Made:
    return _kill([source.choice(TARGETS)], source)


def _kill_pair(source: random.Random) -> Made:
    return _kill(source.choice(PAIRS), source)


def _kill_all(source: random.Random) -> Made:
    down_s = round(source.uniform(0.0, 3.0), 2)

    async def strike(stack: Stack) -> None:
        there = stack.alive()
        await stack.kill(*there)
        await asyncio.sleep(down_s)
        source.shuffle(there)
        for name in there:
            await stack.start(name)

    return f"kill -9 of all at once, started again after {down_s:g} s", strike


def _kill_again(source: random.Random) -> Made:
    name = source.choice(("enricher-1", "writer-1", "collector-1", "clickhouse"))
    pauses = [round(source.uniform(0.3, 4.0), 2) for _ in range(4)]

    async def strike(stack: Stack) -> None:
        for pause_s in pauses:
            await stack.kill(name)
            await stack.start(name)
            await asyncio.sleep(pause_s)

    return (
        f"kill -9 {name} {len(pauses)} times, {', '.join(f'{pause:g}' for pause in pauses)} s apart",
        strike,
    )


def _roll(source: random.Random) -> Made:
    kinds = source.sample(("collector", "enricher", "writer", "query-api", "auditor"), source.randint(1, 5))

    async def strike(stack: Stack) -> None:
        for kind in kinds:
            for name in stack.alive(kind):
                await stack.terminate(name)
                await stack.start(name)
                await stack.ready(name)

    return f"SIGTERM one after the other: {', '.join(kinds)}", strike


def _freeze(source: random.Random) -> Made:
    name = source.choice(
        ("enricher-1", "writer-1", "enricher-1", "writer-1", "collector-1", "kafka", "clickhouse")
    )
    consumer = name.startswith(_CONSUMERS)
    for_s = round(source.uniform(1.2, 2.0) * SESSION_TIMEOUT_S if consumer else source.uniform(2, 12), 2)

    async def strike(stack: Stack) -> None:
        stack.freeze(name)
        await asyncio.sleep(for_s)
        stack.thaw(name)

    return f"SIGSTOP {name} for {for_s:g} s, SIGCONT", strike


def _join_and_leave(source: random.Random) -> Made:
    kind = source.choice(_CONSUMERS)
    steps = [(source.choice((2, 3)), round(source.uniform(0.5, 4.0), 2), source.random()) for _ in range(6)]

    async def strike(stack: Stack) -> None:
        for number, pause_s, how in steps:
            name = f"{kind}-{number}"
            if not stack.members[name].alive:
                await stack.start(name)
            elif how < 0.5:
                await stack.terminate(name)
            else:
                await stack.kill(name)
            await asyncio.sleep(pause_s)

    return f"{kind}s 2 and 3 join and leave, {len(steps)} steps", strike


def _away(name: str) -> Callable[[random.Random], Made]:
    def make(source: random.Random) -> Made:
        hard = source.random() < 0.5

        async def strike(stack: Stack) -> None:
            await (stack.kill(name) if hard else stack.terminate(name))
            await asyncio.sleep(OUTAGE_S)
            await stack.start(name)

        return f"{name} {'killed' if hard else 'stopped'} for {OUTAGE_S:g} s", strike

    return make


def _slow_engine(source: random.Random) -> Made:
    for_s, still_s = round(source.uniform(6, 12), 2), round(source.uniform(0.3, 0.9), 2)

    async def strike(stack: Stack) -> None:
        end = asyncio.get_running_loop().time() + for_s
        while asyncio.get_running_loop().time() < end:
            stack.freeze("clickhouse")
            await asyncio.sleep(still_s)
            stack.thaw("clickhouse")
            await asyncio.sleep(0.1)

    return f"slow engine: stands still {still_s:g} s of each {still_s + 0.1:g} s, for {for_s:g} s", strike


def _network(source: random.Random) -> Made:
    way = source.choice(
        ("collector-kafka", "enricher-kafka", "writer-kafka", "writer-clickhouse", "query-api-clickhouse")
    )
    how = source.choice(("cut", "held", "delayed", "truncated"))
    for_s = round(source.uniform(2, 12), 2)
    delay_s, after = round(source.uniform(0.05, 0.6), 2), source.randrange(1, 200)

    async def strike(stack: Stack) -> None:
        proxy = stack.proxies[way]
        if how == "cut":
            await proxy.cut()
        elif how == "held":
            proxy.hold()
        elif how == "delayed":
            proxy.delay_s = delay_s
        await _until(for_s, (lambda: proxy.truncate(after)) if how == "truncated" else None)
        await proxy.mend()

    more = {"delayed": f" by {delay_s:g} s a chunk", "truncated": f" after {after} bytes, again and again"}
    return f"network {way} {how}{more.get(how, '')} for {for_s:g} s", strike


async def _until(seconds: float, again: Callable[[], None] | None) -> None:
    """Wait so long, doing `again` each half second."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        if again is not None:
            again()
        await asyncio.sleep(0.5)


def _clock(source: random.Random) -> Made:
    kinds = ("collector-1", "collector-2", "enricher-1", "writer-1", "query-api-1")
    name = source.choice(kinds)
    minutes = round(source.choice((-1, 1)) * source.uniform(0.5, 50), 1)

    async def strike(stack: Stack) -> None:
        stack.move_clock(name, int(minutes * 60_000))
        await asyncio.sleep(5)
        stack.move_clock(name, 0)

    return f"clock of {name} jumps by {minutes:g} min and, 5 s later, back", strike


def _full_disk(source: random.Random) -> Made:
    for_s = round(source.uniform(4, 12), 2)

    async def strike(stack: Stack) -> None:
        run = stack.members["clickhouse"].run
        assert run is not None
        with full_disk(run.pid):
            await asyncio.sleep(for_s)

    return f"the engine's disk takes nothing for {for_s:g} s", strike


class full_disk:  # noqa: N801 - a context manager
    """Files of a process cannot grow while the block lasts: its writes fail as on a full disk (with EFBIG)."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def __enter__(self) -> None:
        self._before = resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (0, self._most()))

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            resource.prlimit(self._pid, resource.RLIMIT_FSIZE, self._before)

    def _most(self) -> int:
        return resource.prlimit(self._pid, resource.RLIMIT_FSIZE)[1]


KINDS: Mapping[str, tuple[int, Callable[[random.Random], Made]]] = {
    "kill one": (18, _kill_one),
    "kill pair": (14, _kill_pair),
    "kill all": (8, _kill_all),
    "kill again": (8, _kill_again),
    "rolling restart": (8, _roll),
    "freeze": (12, _freeze),
    "join and leave": (9, _join_and_leave),
    "broker away": (2, _away("kafka")),
    "engine away": (2, _away("clickhouse")),
    "slow engine": (4, _slow_engine),
    "full disk": (4, _full_disk),
    "network": (13, _network),
    "clock": (5, _clock),
}
"""Weight and maker by name."""
