"""What each expression says of a property, on the real engine."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from clickhouse_driver import Client

from eventrail.rows import property_sql

ODD = ("", "*", "a.b", "it's", 'q"q', "%", "{x}", "\\", "é\U0001f600", "plan'; DROP TABLE events; --")


class Property(NamedTuple):
    """A property as the table keeps it."""

    key: str
    type: str
    text: str


EVENT = (
    Property("plan", "string", "pro"),
    Property("code", "string", "42"),
    Property("empty", "string", ""),
    Property("amount", "number", "49.90"),
    Property("order", "number", "12345678901234567890"),
    Property("huge", "number", "1e999"),
    Property("trial", "boolean", "true"),
    Property("tags", "array", '["a",1]'),
    *(Property(key, "string", f"of {key}") for key in ODD),
)

ROW = """
(
    SELECT
        CAST(%(keys)s, 'Array(LowCardinality(String))') AS property_keys,
        CAST(%(types)s, $$Array(Enum8('' = 0, 'string' = 1, 'number' = 2, 'boolean' = 3, 'array' = 4))$$)
            AS property_types,
        CAST(%(texts)s, 'Array(String)') AS property_values
)
"""
PARAMETERS = {
    "keys": [one.key for one in EVENT],
    "types": [one.type for one in EVENT],
    "texts": [one.text for one in EVENT],
}

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def client(clickhouse: str) -> Iterator[Client]:
    made = Client.from_url(f"{clickhouse}/default")
    yield made
    made.disconnect()


def of(client: Client, key: str) -> tuple[Any, ...]:
    builders = property_sql.is_set, property_sql.type_of, property_sql.text, property_sql.number
    columns = ", ".join(build("%(p0)s") for build in builders)
    [row] = client.execute(f"SELECT {columns} FROM {ROW}", {**PARAMETERS, "p0": key})
    return tuple(row)


@pytest.mark.parametrize("one", EVENT, ids=repr)
def test_a_property_that_is_set(client: Client, one: Property) -> None:
    assert of(client, one.key)[:3] == (1, one.type, one.text)


@pytest.mark.parametrize("key", ["missing", "plan ", "PLAN", "a", "amount.x", "%(p0)s"])
def test_one_that_is_not(client: Client, key: str) -> None:
    assert of(client, key) == (0, "", "", None)


@pytest.mark.parametrize(
    ("key", "expected"),
    [("amount", 49.9), ("order", 12345678901234567890.0), ("huge", None), ("code", None), ("trial", None)],
)
def test_only_a_number_is_a_number(client: Client, key: str, expected: float | None) -> None:
    assert of(client, key)[3] == expected


@pytest.mark.parametrize("type_", property_sql.TYPES)
def test_a_type_is_asked_for_by_name(client: Client, type_: str) -> None:
    for one in EVENT:
        sql = f"SELECT {property_sql.has_type('%(p0)s', type_)} FROM {ROW}"
        assert client.execute(sql, {**PARAMETERS, "p0": one.key}) == [(one.type == type_,)]


def test_no_other_type_gets_into_the_text() -> None:
    with pytest.raises(ValueError, match="no type of a property: '"):
        property_sql.has_type("%(p0)s", "'")


def test_each_property_of_an_event(client: Client) -> None:
    rows = client.execute(
        "SELECT property_key, property_type, property_text, "
        f"{property_sql.EACH_NUMBER} FROM {ROW} {property_sql.EACH}",
        PARAMETERS,
    )
    assert [row[:3] for row in rows] == [tuple(one) for one in EVENT]
    numbers = {row[0]: row[3] for row in rows if row[3] is not None}
    assert numbers == {"amount": 49.9, "order": 12345678901234567890.0}
    assert all(map(math.isfinite, numbers.values()))
