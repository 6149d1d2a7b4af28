"""The model: what each process of a deployment has to do at a rate, and where that ends first. Pure.

Work is processor time. A partition is worked on by one process, so what counts is the process with the most of it:
partitions are not equally full (visitors differ, one key may have a large share), and a number of processes that does
not divide theirs gives some one more.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

ACTIVITY_SPREAD: Final = 10.0
"""Mean square of a visitor's number of events over the square of its mean: few visitors send much."""


@dataclass(frozen=True)
class Costs:
    """Processor seconds that a million events cost each stage, and bytes of an event on each topic, not replicated."""

    collector: float
    enricher: float
    writer: float
    auditor: float
    kafka: float
    clickhouse: float
    raw_bytes: float
    enriched_bytes: float


@dataclass(frozen=True)
class Deployment:
    """Processes of each service (one core each), partitions of each topic, and what broker and engine have."""

    collectors: int
    enrichers: int
    writers: int
    auditors: int
    partitions: int
    brokers: int
    shards: int
    broker_cores: int = 8
    shard_cores: int = 16
    replicas: int = 3
    engine_replicas: int = 2
    broker_bytes_per_second: float = 500e6


@dataclass(frozen=True)
class Load:
    """`visitors` keys share the events but for `hot_share`, which have one key."""

    events_per_second: float
    visitors: int
    hot_share: float = 0.0
    seed: int = 1


@dataclass(frozen=True)
class Stage:
    """`busy` is the share of its time that the busiest process works; `saturates_at` the rate where that is 1."""

    name: str
    busy: float
    saturates_at: float


def stages(costs: Costs, deployment: Deployment, load: Load) -> list[Stage]:
    """Every stage, the one that saturates first in front."""
    fullest = partition_shares(load, deployment.partitions)
    found = [
        _stage("collector", load, costs.collector / deployment.collectors),
        _stage("enricher", load, costs.enricher * busiest(fullest, deployment.enrichers)),
        _stage("writer", load, costs.writer * busiest(fullest, deployment.writers)),
        _stage("auditor", load, costs.auditor * busiest(fullest, deployment.auditors)),
        # Followers fetch what leaders were sent.
        _stage(
            "Kafka, processors",
            load,
            costs.kafka
            * deployment.replicas
            * busiest(fullest, deployment.brokers)
            / deployment.broker_cores,
        ),
        _stage("Kafka, disks and network", load, _broker_seconds(costs, deployment, fullest)),
        _stage(
            "ClickHouse",
            load,
            costs.clickhouse * deployment.engine_replicas / (deployment.shards * deployment.shard_cores),
        ),
    ]
    return sorted(found, key=lambda stage: stage.saturates_at)


def _broker_seconds(costs: Costs, deployment: Deployment, shares: Sequence[float]) -> float:
    """Seconds of a broker's disks for a million events."""
    size = (costs.raw_bytes + costs.enriched_bytes) * deployment.replicas * 1e6
    return size * busiest(shares, deployment.brokers) / deployment.broker_bytes_per_second


def _stage(name: str, load: Load, seconds_per_million: float) -> Stage:
    """`seconds_per_million`: what a million events of the whole load cost the busiest process."""
    per_second = 1e6 / seconds_per_million
    return Stage(name, load.events_per_second / per_second, per_second)


def partition_shares(load: Load, partitions: int) -> list[float]:
    """Share of the events that each partition gets; they add up to 1.

    Keys fall into partitions by a hash. Sums over the many visitors of a partition are normally distributed.
    """
    dice = random.Random(load.seed)  # noqa: S311 - no secret
    mean = 1 / partitions
    spread = sqrt(mean * (1 - mean) * ACTIVITY_SPREAD / load.visitors)
    drawn = [max(0.0, dice.gauss(mean, spread)) for _ in range(partitions)]
    total = sum(drawn)
    rest = 1 - load.hot_share
    shares = [rest * one / total for one in drawn]
    shares[0] += load.hot_share
    return shares


def busiest(shares: Sequence[float], processes: int) -> float:
    """Share of the events that the busiest of `processes` gets: each takes every n-th partition."""
    return max(sum(shares[number::processes]) for number in range(processes))


@dataclass(frozen=True)
class Pause:
    """After `seconds` without work: the work that waits, in seconds of events, and how long it takes to be done."""

    seconds: float
    behind_s: float
    caught_up_s: float


def pause(stage: Stage, seconds: float) -> Pause:
    """What a stage that stands still for `seconds` has to catch up; `inf` where it is saturated anyway."""
    free = 1 - stage.busy
    return Pause(seconds, seconds, seconds * stage.busy / free if free > 0 else float("inf"))


def needed(costs: Costs, load: Load, busy: float = 0.6) -> Deployment:
    """A deployment whose processes are at most about `busy` at that rate, four partitions to a process."""
    per_second = load.events_per_second / 1e6 / busy

    def cores(seconds: float) -> int:
        return max(1, round(seconds * per_second + 0.499))

    enrichers, writers = cores(costs.enricher), cores(costs.writer)
    partitions = 4 * max(enrichers, writers)
    bare = Deployment(1, 1, 1, 1, partitions, 1, 1)
    size = (costs.raw_bytes + costs.enriched_bytes) * bare.replicas * load.events_per_second
    by_disk = round(size / busy / bare.broker_bytes_per_second + 0.499)
    by_cores = round(cores(costs.kafka * bare.replicas) / bare.broker_cores + 0.499)
    return Deployment(
        collectors=cores(costs.collector),
        enrichers=enrichers,
        writers=writers,
        auditors=cores(costs.auditor),
        partitions=partitions,
        brokers=max(bare.replicas, by_disk, by_cores),
        shards=max(1, round(cores(costs.clickhouse * bare.engine_replicas) / bare.shard_cores + 0.499)),
    )


def on_one_machine(costs: Mapping[str, float], cores: float, used: float = 1.0) -> float:
    """Events/s of processes that share `cores` cores, of which the share `used` is kept busy; costs as in Costs."""
    return cores * used * 1e6 / sum(costs.values())
