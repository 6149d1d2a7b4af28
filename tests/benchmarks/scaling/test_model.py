from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scaling.model import (
    Costs,
    Deployment,
    Load,
    Stage,
    busiest,
    needed,
    on_one_machine,
    partition_shares,
    pause,
    stages,
)

COSTS = Costs(
    collector=20,
    enricher=40,
    writer=16,
    auditor=10,
    kafka=20,
    clickhouse=20,
    raw_bytes=400,
    enriched_bytes=500,
)
SMALL = Deployment(
    1, 1, 1, 1, partitions=12, brokers=1, shards=1, broker_cores=1, replicas=1, engine_replicas=1
)
MANY = 10**9


@given(
    partitions=st.integers(1, 500),
    visitors=st.integers(1_000, MANY),
    hot=st.floats(0, 0.9),
    processes=st.integers(1, 40),
)
def test_shares_add_up_and_no_process_has_less_than_its_part(
    partitions: int, visitors: int, hot: float, processes: int
) -> None:
    shares = partition_shares(Load(1, visitors, hot), partitions)
    assert sum(shares) == pytest.approx(1)
    assert min(shares) >= 0
    assert busiest(shares, processes) >= max(1 / processes, hot) * 0.999


def test_one_process_of_each_stage_saturates_where_its_cost_says() -> None:
    found = {stage.name: stage for stage in stages(COSTS, SMALL, Load(10_000, MANY))}
    assert found["enricher"].saturates_at == pytest.approx(25_000, rel=0.01)
    assert found["enricher"].busy == pytest.approx(0.4, rel=0.01)
    assert found["collector"].saturates_at == pytest.approx(50_000)


def test_stages_come_in_the_order_in_which_they_saturate() -> None:
    found = [stage.saturates_at for stage in stages(COSTS, SMALL, Load(1, MANY))]
    assert found == sorted(found)


def test_more_processes_than_partitions_help_nothing() -> None:
    twelve, more = (
        {one.name: one for one in stages(COSTS, replace(SMALL, enrichers=count), Load(1, MANY))}["enricher"]
        for count in (12, 100)
    )
    assert more.saturates_at == pytest.approx(twelve.saturates_at)


def test_a_hot_key_binds_a_stage_to_one_process() -> None:
    found = stages(COSTS, replace(SMALL, enrichers=12), Load(1, MANY, hot_share=0.5))
    enricher = {one.name: one for one in found}["enricher"]
    assert enricher.saturates_at == pytest.approx(25_000 / (0.5 + 0.5 / 12), rel=0.01)


@pytest.mark.parametrize("rate", [1_000, 100_000, 10_000_000])
def test_what_is_needed_keeps_every_process_below_about_its_share(rate: int) -> None:
    load = Load(rate, 100 * rate)
    for stage in stages(COSTS, needed(COSTS, load, busy=0.6), load):
        assert stage.busy < 0.75, stage


def test_a_pause_is_caught_up_with_what_is_free() -> None:
    found = pause(Stage("enricher", 0.75, 1), 10)
    assert found.behind_s == 10
    assert found.caught_up_s == pytest.approx(30)
    assert pause(Stage("enricher", 1.2, 1), 10).caught_up_s == float("inf")


def test_processes_on_one_machine_share_its_cores() -> None:
    assert on_one_machine({"a": 60, "b": 40}, cores=2, used=0.5) == pytest.approx(10_000)
