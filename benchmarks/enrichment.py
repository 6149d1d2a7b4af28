"""What the enrichment itself costs, without Kafka: `python -m benchmarks.enrichment [--events N] [--seed N]`.

Raw records of 50 events (raw_traffic.py) go through all that a worker does with them between fetching and sending:
read, enriched by the real lookups, encoded with key and headers, states kept with their checkpoints, records sorted by
partition. Cold is the first event of each of 20,000 visitors in a process that has seen nothing: no agent, address,
url or session. Warm is what comes afterwards, in requests of one event, and of ten. Bare is reading and writing the
same messages and nothing else, in the same run, so that a ratio holds on any machine. All in microseconds of
this process's CPU an event.
"""

import argparse
import functools
import gc
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.raw_traffic import START_MS, Traffic, write_places
from benchmarks.shop import VISITORS
from enricher import pipeline
from enricher.batch import Batch, by_partition
from enricher.chunk import RawRecord, process
from enricher.lookups.agents import AgentLookup
from enricher.lookups.geo import open_database
from enricher.lookups.salts import DaySalts
from enricher.offsets import OffsetAccount
from enricher.sessions import Sessions
from enricher.world import MemorySessionStore, World
from eventrail.clock import utc_day
from eventrail.contract.topics import ENRICHED
from eventrail.contract.v1.raw_pb2 import RawEvents
from eventrail.sealing import AddressOpener, AddressSealer

_PARTITIONS: Final = 6
_TOGETHER: Final = 8
"""Raw records that a busy worker does together: about 256 KiB."""
_COMMITTED_EVERY: Final = 200
_PART: Final = 5_000
_KEYS: Final = {"k1": bytes(range(32))}

Log = Sequence[tuple[int, bytes]]
"""Partition and value of raw records."""


@dataclass(frozen=True)
class Figures:
    """CPU microseconds an event; of warm and bare ones the median over parts of 5,000 events, and the least.

    `steps`: the shares of the steps in the warm time, those of the pipeline by their names.
    """

    events: int
    cold_us: float
    warm_us: float
    warm_least_us: float
    warm_tens_us: float
    bare_us: float
    steps: Mapping[str, float]


class Bench:
    """One worker's world, and what it has done so far."""

    def __init__(self, places: Path, day: int) -> None:
        salts = {each: os.urandom(32) for each in (day - 1, day, day + 1)}
        self._world = World(
            AddressOpener(_KEYS),
            DaySalts(salts),
            open_database(str(places)),
            AgentLookup(),
            MemorySessionStore(),
        )
        self._sessions = Sessions()
        self._account = OffsetAccount()
        self._account.begin(1, dict.fromkeys(range(_PARTITIONS), 0))
        self._offsets: dict[int, int] = defaultdict(int)
        self._batches = 0

    def run(self, log: Log) -> float:
        """Do the records in batches; CPU seconds that it took."""
        began = time.process_time()
        for first in range(0, len(log), _TOGETHER):
            self._do(log[first : first + _TOGETHER])
        return time.process_time() - began

    def _do(self, log: Log) -> None:
        batch = Batch(self._account, self._sessions, 1)
        for partition, value in log:
            record = RawRecord(partition, self._offsets[partition], 1, None, value)
            self._offsets[partition] += 1
            batch.add(record, process(record, batch.overlay(record), self._world, START_MS + 10**9))
        assert not batch.rejected(), batch.complaint()
        list(batch.changes())
        by_partition(ENRICHED.name, batch.enriched(), _PARTITIONS)
        batch.keep()
        self._batches += 1
        if self._batches % _COMMITTED_EVERY == 0:
            self._account.committed(1, dict(self._account.done))


def measure(events: int = 100_000, seed: int = 1) -> Figures:
    """Cold once, and warm for `events` events. Empties the caches of this process before."""
    sealer = AddressSealer(_KEYS)
    ones, tens = Traffic(sealer, seed), Traffic(sealer, seed, START_MS + 60_000, together=10)
    with tempfile.TemporaryDirectory(prefix="eventrail-enrichment-") as folder:
        write_places(places := Path(folder) / "places.mmdb")
        bench = Bench(places, utc_day(START_MS))
    cold, *warm = [_log(ones, size) for size in (VISITORS, *[_PART] * max(1, events // _PART))]
    _forget()
    gc.collect()
    cold_us = bench.run(cold) / VISITORS * 1e6
    each = [bench.run(part) / _PART * 1e6 for part in warm]
    bare = [_bare(part) / _PART * 1e6 for part in warm]
    of_tens = [bench.run(_log(tens, _PART)) / _PART * 1e6 for _ in warm]
    with _timed_steps() as spent:
        whole = bench.run(_log(ones, 2 * _PART))
    shares = {name: seconds / whole for name, seconds in spent.items()}
    return Figures(events, cold_us, median(each), min(each), median(of_tens), median(bare), shares)


def _log(traffic: Traffic, events: int) -> Log:
    return list(traffic.chunks(events, _PARTITIONS))


def _bare(log: Log) -> float:
    began = time.process_time()
    for _, value in log:
        for event in RawEvents.FromString(value).events:
            event.SerializeToString()
    return time.process_time() - began


@functools.lru_cache(maxsize=1)
def _cached() -> None:
    """Only its type counts."""


def _forget() -> None:
    """Empty every lru_cache of the process."""
    for found in gc.get_objects():
        if isinstance(found, type(_cached)):
            found.cache_clear()


@contextmanager
def _timed_steps() -> Iterator[Mapping[str, float]]:
    """CPU seconds by step, while the block runs."""
    spent: dict[str, float] = defaultdict(float)

    def timed(step: pipeline.Step) -> pipeline.Step:
        @functools.wraps(step)
        def run(*arguments: Any) -> None:
            began = time.process_time()
            step(*arguments)
            spent[step.__name__] += time.process_time() - began

        return run

    steps = pipeline.STEPS
    pipeline.STEPS = tuple(map(timed, steps))  # type: ignore[misc]
    try:
        yield spent
    finally:
        pipeline.STEPS = steps  # type: ignore[misc]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.enrichment", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="warm events; default: 100,000")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = measure(options.events, options.seed)
    print(f"seed {options.seed}, {found.events:,} events; CPU microseconds an event:")
    print(f"  cold                {found.cold_us:6.1f}")
    print(f"  warm                {found.warm_us:6.1f}  (least {found.warm_least_us:.1f})")
    print(f"  warm, tens          {found.warm_tens_us:6.1f}")
    print(
        f"  bare                {found.bare_us:6.1f}  (warm is {found.warm_us / found.bare_us:.1f} times that)"
    )
    print("shares of the warm time (the steps as timed one by one, the rest is what holds them together):")
    for name, share in sorted(found.steps.items(), key=lambda pair: -pair[1]):
        print(f"  {share:6.1%}  {name}")
    print(f"  {1 - sum(found.steps.values()):6.1%}  the rest")


if __name__ == "__main__":
    main()
