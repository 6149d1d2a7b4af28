import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import event_ids as collector
from eventrail_client import event_ids


@given(st.integers(0, (1 << 48) - 1), st.integers(0, (1 << 74) - 1))
def test_an_id_is_a_uuid_of_version_7_that_carries_its_time(unix_ms: int, random_bits: int) -> None:
    made = event_ids.uuid7(unix_ms, random_bits)
    assert (uuid.UUID(made).version, uuid.UUID(made).variant) == (7, uuid.RFC_4122)
    assert event_ids.time_of(made) == collector.time_of(made) == unix_ms
    assert event_ids.canonical(made) == made


@given(st.integers(0, (1 << 74) - 1), st.integers(0, (1 << 74) - 1))
def test_other_random_bits_are_another_id(one: int, other: int) -> None:
    assert (event_ids.uuid7(1, one) == event_ids.uuid7(1, other)) == (one == other)


@pytest.mark.parametrize("unix_ms", [-1, 1 << 48])
def test_a_time_that_no_id_can_carry_is_held_within(unix_ms: int) -> None:
    assert event_ids.time_of(event_ids.uuid7(unix_ms, 0)) in (0, (1 << 48) - 1)


@given(st.uuids() | st.text(max_size=40).map(str) | st.just("0" * 8))
def test_an_id_is_one_where_the_collector_says_so(text: object) -> None:
    assert event_ids.canonical(str(text)) == collector.canonical(str(text))


@given(st.uuids())
def test_only_version_7_carries_a_time(some: uuid.UUID) -> None:
    assert event_ids.time_of(str(some)) == collector.time_of(str(some))
