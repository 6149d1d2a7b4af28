"""The guard that watches over all tests hears a service, and leaves the tests' own statements alone."""

import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from clickhouse_driver import Client

from eventrail.rows.reading import events_once, settings_clause
from tests.faults.once.guard import AroundTheOnePlace, watching

pytestmark = pytest.mark.stack

Count = Callable[[Client, str], list[Any]]


@pytest.fixture
def count(tmp_path: Path) -> Iterator[Count]:
    """A service that runs what it is given; it lies where the guard looks."""
    source = "def count(client, sql):\n    return client.execute(sql)\n"
    service = types.ModuleType("service")
    exec(compile(source, str(tmp_path / "service.py"), "exec"), service.__dict__)  # noqa: S102 - our own words
    with watching((f"{tmp_path}/",)):
        yield service.count


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM events",
        "SELECT count() FROM events FINAL",
        "SELECT count() FROM (SELECT * FROM events FINAL WHERE 1) AS a JOIN events AS b ON 1"
        + settings_clause(),
        events_once(["count()"], "1"),
        events_once(["count()"], "1") + " UNION ALL SELECT count() FROM events" + settings_clause(),
        "INSERT INTO days SELECT count() FROM events" + settings_clause(),
    ],
)
def test_a_service_that_goes_around_the_one_place_is_stopped(sql: str, count: Count, client: Client) -> None:
    with pytest.raises(AroundTheOnePlace):
        count(client, sql)


def test_the_one_place_and_the_tests_themselves_go_on(count: Count, client: Client) -> None:
    assert count(client, events_once(["count()"], "1") + settings_clause()) == [(0,)]
    assert count(client, "SELECT count() WHERE 'x FROM events' = ''") == [(0,)]
    assert count(client, "SELECT count() FROM system.tables WHERE name = 'events' AND database = 'x'") == [
        (0,)
    ]
    assert client.execute("SELECT count() FROM events") == [(0,)]
