"""Which increases are possible, and whom a new partition takes over."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from enricher.partition_increase.plan import GENERAL, plan
from eventrail.contract.topics import ALL, RAW, SESSIONS_CHANGELOG
from eventrail.errors import ConfigurationError


def counts(old: int, **others: int) -> dict[str, int]:
    return {topic.name: old for topic in GENERAL} | others


def test_the_changelog_is_the_first_and_the_raw_topic_the_last_of_those_that_share_their_number() -> None:
    assert {topic.name for topic in GENERAL} == {topic.name for topic in ALL if topic.partitions(7) == 7}
    assert (GENERAL[0], GENERAL[-1]) == (SESSIONS_CHANGELOG, RAW)


@given(some.integers(1, 50), some.integers(1, 5), some.integers(0, 2**64 - 1))
def test_every_visitor_finds_its_state_where_its_events_go(old: int, factor: int, key: int) -> None:
    """The oracle is what a collector does with the hash of a visitor (collector/partitions.py)."""
    found = plan(counts(old), old * factor)
    after = key % (old * factor)
    assert after == key % old or after in found.heirs(key % old)


@given(some.integers(1, 20), some.integers(1, 5))
def test_each_new_partition_takes_over_from_one_old_one(old: int, factor: int) -> None:
    found = plan(counts(old), old * factor)
    heirs = [heir for partition in range(old) for heir in found.heirs(partition)]
    assert sorted(heirs) == list(range(old, old * factor))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [(3, "takes none away: not 3"), (10, r"no multiple of the 4 .* possible are 8, 12"), (0, "not 0")],
)
def test_an_impossible_number_is_refused(wanted: int, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        plan(counts(4), wanted)


def test_what_was_broken_off_is_gone_on_with_towards_the_same_number_only() -> None:
    first = GENERAL[0].name
    assert plan(counts(4, **{first: 8}), 8).short == tuple(topic.name for topic in GENERAL[1:])
    with pytest.raises(ConfigurationError, match=f"{first} has 8 partitions, but must have 4, or 12"):
        plan(counts(4, **{first: 8}), 12)


def test_there_may_be_nothing_to_do() -> None:
    assert plan(counts(4), 4).short == ()
