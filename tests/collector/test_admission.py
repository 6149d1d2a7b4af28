"""The account of connections and bytes."""

import pytest

from collector.admission import Admission, Bounds, bounds
from collector.metrics import Metrics
from collector.settings import CollectorSettings


class Connection:
    """Leaves when it has to give way, as a real one does a moment later."""

    def __init__(self) -> None:
        self.gave_way = False

    def give_way(self) -> None:
        self.gave_way = True


@pytest.fixture
def admission() -> Admission:
    return Admission(Bounds(connections=3, held_bytes=100), Metrics())


def resting(admission: Admission, count: int) -> list[Connection]:
    made = [Connection() for _ in range(count)]
    for connection in made:
        assert admission.enter()
        admission.rest(connection)
    return made


def test_up_to_the_bound_nobody_gives_way(admission: Admission) -> None:
    assert [connection.gave_way for connection in resting(admission, 3)] == [False] * 3


def test_the_one_that_rested_longest_gives_way(admission: Admission) -> None:
    first, second, third = resting(admission, 3)
    admission.wake(first)
    admission.rest(first)
    assert admission.enter()
    assert [connection.gave_way for connection in (first, second, third)] == [False, True, False]


def test_each_newcomer_costs_one_even_before_the_other_has_left(admission: Admission) -> None:
    made = resting(admission, 3)
    assert admission.enter()
    assert admission.enter()
    assert [connection.gave_way for connection in made] == [True, True, False]
    admission.leave(made[0], 0)
    admission.leave(made[1], 0)
    assert admission.connections == 3


def test_where_all_are_busy_the_newcomer_is_refused_and_counted(admission: Admission) -> None:
    for connection in resting(admission, 3):
        admission.wake(connection)
    assert not admission.enter()
    assert admission.connections == 4
    assert not admission.crowded
    for _ in range(10):
        admission.enter()
    assert admission.crowded


def test_bytes_are_held_up_to_the_bound_and_given_back(admission: Admission) -> None:
    connection = Connection()
    assert admission.enter()
    assert admission.hold(100)
    assert not admission.hold(1)
    assert admission.hold(-51)
    admission.leave(connection, 50)
    assert (admission.connections, admission.held_bytes) == (0, 0)


def test_metrics_show_the_account() -> None:
    metrics = Metrics()
    admission = Admission(Bounds(3, 100), metrics)
    admission.enter()
    admission.hold(7)
    assert metrics.registry.get_sample_value("eventrail_collector_connections") == 1
    assert metrics.registry.get_sample_value("eventrail_collector_received_bytes") == 7


@pytest.mark.parametrize(("files", "most"), [(1024, 840), (20_000, 15_000), (50, 1)])
def test_the_limit_of_open_files_leaves_room_for_refusals_and_kafka(files: int, most: int) -> None:
    found = bounds(CollectorSettings(), files)
    assert found.connections == most
    assert files < 100 or found.most_connections + 90 <= files
