from collections.abc import Iterable
from dataclasses import replace

import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from eventrail.clock import MS_PER_DAY
from eventrail.conformance.findings import RULES, AnyRule, Findings, Place, TopicRule
from eventrail.conformance.judge import CLOCKS_MS, Judge
from eventrail_subscriber import EnrichedEvent, Rule
from eventrail_subscriber.fake import START_MS, FakeTopic, Record
from tests.eventrail.conformance.planted import PARTITIONS, PLANTED, another, broken, kept

NOW_MS = START_MS + 60_000


def found(
    records: Iterable[Record], now_ms: int = NOW_MS, complete: frozenset[int] = frozenset()
) -> Findings:
    judge = Judge(lambda key: (murmur2(key) & 0x7FFFFFFF) % PARTITIONS, now_ms, complete)
    for record in records:
        judge.see(record)
    return judge.findings


def test_what_is_allowed_is_no_fault_and_is_counted() -> None:
    findings = found(kept())
    assert findings.broken == {}
    assert findings.records == len(kept())
    assert (findings.copies_of_enricher, findings.copies_of_clients, findings.other_types) == (3, 1, 1)
    assert findings.not_judged == 0


@pytest.mark.parametrize("rule", RULES)
def test_a_record_that_breaks_one_rule_is_found_with_its_place(rule: AnyRule) -> None:
    records = broken(rule)
    findings = found(records)
    assert findings.broken == {rule: 1}
    ((place, what),) = findings.examples[rule]
    assert place == Place(0, records[-1].offset)
    assert what


def test_there_is_a_fault_for_each_rule() -> None:
    assert PLANTED.keys() == RULES.keys()
    assert {*RULES, Rule.TYPE} == {*Rule, *TopicRule}


def test_records_are_counted_and_not_their_faults() -> None:
    bare = replace(another(), headers=())
    assert found([bare]).broken == {Rule.HEADERS: 1}


@pytest.mark.parametrize(
    ("dated_ms", "accepted_ms", "is_kept"),
    [
        (NOW_MS - 5, NOW_MS - 5, True),
        (NOW_MS + CLOCKS_MS, NOW_MS + 10 * CLOCKS_MS, False),  # dated when it was published, which is to come
        (NOW_MS - 5, NOW_MS - 5 + CLOCKS_MS, True),
        (NOW_MS - 5, NOW_MS - 4 + CLOCKS_MS, False),
        (NOW_MS + CLOCKS_MS, NOW_MS + CLOCKS_MS, True),
        (NOW_MS + CLOCKS_MS + 1, NOW_MS + CLOCKS_MS + 1, False),
        # What waited for three days is dated a day before it was published, and that was at any time since.
        (NOW_MS - MS_PER_DAY, NOW_MS - 3 * MS_PER_DAY, True),
        (NOW_MS - 2 * MS_PER_DAY, NOW_MS - 3 * MS_PER_DAY, True),
        (NOW_MS - MS_PER_DAY + CLOCKS_MS + 1, NOW_MS - 3 * MS_PER_DAY, False),
    ],
)
def test_a_record_is_dated_by_acceptance(dated_ms: int, accepted_ms: int, *, is_kept: bool) -> None:
    record = replace(another(received_at_ms=accepted_ms), timestamp=dated_ms)
    assert (found([record]).broken == {}) == is_kept


def test_without_a_place_on_the_raw_topic_nothing_is_said_of_copies_and_order() -> None:
    placeless = EnrichedEvent.FromString(another().value)
    placeless.ClearField("raw_position")
    findings = found([replace(another(), value=placeless.SerializeToString())] * 2)
    assert findings.broken == {Rule.FIELDS: 2}
    assert findings.copies_of_enricher == 0


@given(
    st.lists(
        st.tuples(
            st.none() | st.binary(max_size=9), st.none() | st.binary(max_size=30), st.integers(-1, 2 * NOW_MS)
        ),
        max_size=9,
    )
)
def test_any_records_are_judged(parts: list[tuple[bytes | None, bytes | None, int]]) -> None:
    topic = FakeTopic()
    records = [
        replace(topic.publish(), key=key, value=value, timestamp=at)  # type: ignore[arg-type]
        for key, value, at in parts
    ]
    findings = found(records)
    assert findings.records == len(parts)
    assert findings.broken.total() >= len(parts)
