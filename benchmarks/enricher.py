"""What one worker takes, all of it: `python -m benchmarks.enricher [--events N] [--seed N]`.

A real broker, a raw topic that is filled before the worker starts (raw_traffic.py, records of 50 events), and a real
worker with all steps on: GeoIP, session states in the table, changelog and outputs acknowledged. What it has done is
told by the ends of the enriched topic, what it cost by the kernel's account of the process, all threads and their
system time included. Cold is from the first output until each of 20,000 visitors was seen once, warm what comes
afterwards. Events a second are those of the wall, with the broker beside it; CPU time an event is the worker's own.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.processes import cpu_seconds, resident_mib
from benchmarks.raw_traffic import Traffic, write_places
from benchmarks.shop import VISITORS
from devstack.single import broker
from eventrail.contract.topics import ALL, ENRICHED, RAW
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import Record, producer, send
from eventrail.sealing import AddressSealer
from eventrail.settings import KafkaSettings
from tests.enricher.worker_process import KEY, PARTITIONS, Worker

_LOOK_S: Final = 0.1
_LIMIT_S: Final = 300.0
_TOGETHER: Final = 1_000
_AGE_MS: Final = 60_000
"""So long ago the first event was accepted: the day's salt must be there."""


class Sample(NamedTuple):
    """At one moment: seconds of the wall, CPU seconds of the worker, events on the enriched topic."""

    wall_s: float
    cpu_s: float
    events: int


@dataclass(frozen=True)
class Figures:
    """Of one worker: CPU microseconds an event, events a second of the wall, and its memory at the end."""

    events: int
    cold_us: float
    warm_us: float
    warm_per_second: float
    resident_mib: float

    @property
    def per_core(self) -> float:
        """Events that a second of one core pays for, warm."""
        return 1e6 / self.warm_us


async def measure(events: int = 200_000, seed: int = 1) -> Figures:
    """One run. Starts and ends a broker and a worker of its own."""
    with tempfile.TemporaryDirectory(prefix="eventrail-enricher-") as name:
        folder = Path(name)
        write_places(places := folder / "places.mmdb")
        async with broker(folder / "kafka") as servers:
            await create_topics(KafkaSettings(kafka_bootstrap_servers=servers), ALL)
            await _fill(servers, events, seed)
            worker = Worker(servers, folder / "worker.log", EVENTRAIL_GEOIP_DATABASE=str(places))
            try:
                samples = await _watch(servers, worker, events)
                resident = resident_mib(worker.process.pid)
                assert worker.end() == 0, worker.log.read_text()
            finally:
                worker.kill()
    return _figures(events, samples, resident)


async def _fill(servers: str, events: int, seed: int) -> None:
    traffic = Traffic(AddressSealer({"t1": KEY}), seed, time.time_ns() // 1_000_000 - _AGE_MS)
    async with producer(servers) as sender:
        waiting: dict[int, list[Record]] = {number: [] for number in range(PARTITIONS)}
        for partition, value in traffic.chunks(events, PARTITIONS):
            waiting[partition].append(Record(value))
            if len(waiting[partition]) == _TOGETHER:
                await send(sender, RAW.name, partition, waiting[partition])
                waiting[partition].clear()
        for partition, rest in waiting.items():
            await send(sender, RAW.name, partition, rest)


async def _watch(servers: str, worker: Worker, events: int) -> Sequence[Sample]:
    """Samples from the first output on until all is done."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers)
    await consumer.start()
    try:
        samples = [Sample(time.monotonic(), 0.0, 0)]
        end = time.monotonic() + _LIMIT_S
        while samples[-1].events < events:
            assert worker.process.poll() is None, worker.log.read_text()
            assert time.monotonic() < end, f"not done within {_LIMIT_S:g} s\n{worker.log.read_text()}"
            await asyncio.sleep(_LOOK_S)
            samples.append(await _sample(consumer, worker.process.pid))
        return [sample for sample in samples if sample.events]
    finally:
        await consumer.stop()


async def _sample(consumer: Any, pid: int) -> Sample:
    ends = await consumer.end_offsets([TopicPartition(ENRICHED.name, number) for number in range(PARTITIONS)])
    return Sample(time.monotonic(), cpu_seconds(pid), sum(ends.values()))


def _figures(events: int, samples: Sequence[Sample], resident_mib: float) -> Figures:
    first, last = samples[0], samples[-1]
    middle = next((sample for sample in samples if sample.events >= VISITORS), last)
    warm = last.events - middle.events
    return Figures(
        events,
        _us(first, middle),
        _us(middle, last),
        warm / (last.wall_s - middle.wall_s) if warm else 0.0,
        resident_mib,
    )


def _us(begin: Sample, end: Sample) -> float:
    done = end.events - begin.events
    return (end.cpu_s - begin.cpu_s) / done * 1e6 if done else float("nan")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.enricher", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="default: 200,000")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = asyncio.run(measure(options.events, options.seed))
    print(f"seed {options.seed}, {found.events:,} events, one worker:")
    print(f"  cold  {found.cold_us:6.1f} us of CPU an event")
    print(f"  warm  {found.warm_us:6.1f} us of CPU an event: {found.per_core:,.0f} events/s a core")
    print(f"  warm  {found.warm_per_second:,.0f} events/s of the wall, beside the broker")
    print(f"  memory at the end {found.resident_mib:.0f} MiB")


if __name__ == "__main__":
    main()
