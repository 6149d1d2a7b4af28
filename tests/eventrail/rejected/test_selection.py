from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.contract.v1.rejected_pb2 import RejectedEvent
from eventrail.rejected.entry import Entry
from eventrail.rejected.selection import EVERYTHING, Filters
from tests.eventrail.rejected.making import record

WEBSITES = ["shop", "blog", ""]
rejections = st.builds(
    RejectedEvent,
    stage=st.integers(1, 3),
    reason=st.integers(1, 4),
    website_id=st.sampled_from(WEBSITES),
    event_id=st.sampled_from(["a", "b", ""]),
    rejected_at_ms=st.integers(1, 9),
)
entries = st.one_of(rejections, st.just(b"\xff\xff")).map(record)
filters = st.builds(
    Filters,
    st.frozensets(st.integers(1, 3), max_size=2),
    st.frozensets(st.integers(1, 4), max_size=2),
    st.frozensets(st.sampled_from(WEBSITES), max_size=2),
    st.frozensets(st.sampled_from(["a", "b"]), max_size=2),
    st.none() | st.integers(0, 10),
    st.none() | st.integers(0, 10),
)


def oracle(chosen: Filters, entry: Entry) -> bool:
    """The same in words of one syllable."""
    if chosen.since_ms is not None and entry.at_ms < chosen.since_ms:
        return False
    if chosen.until_ms is not None and entry.at_ms >= chosen.until_ms:
        return False
    for wanted, name in (
        (chosen.stages, "stage"),
        (chosen.reasons, "reason"),
        (chosen.websites, "website_id"),
        (chosen.event_ids, "event_id"),
    ):
        if wanted and (entry.event is None or getattr(entry.event, name) not in wanted):
            return False
    return True


@given(filters, entries)
def test_all_filters_must_fit(chosen: Filters, entry: Entry) -> None:
    assert chosen.fit(entry) == oracle(chosen, entry)


@given(entries)
def test_without_filters_everything_fits(entry: Entry) -> None:
    assert EVERYTHING.fit(entry)


@pytest.mark.parametrize(
    "fields",
    [
        {"stages": frozenset({1})},
        {"reasons": frozenset({1})},
        {"websites": frozenset({""})},
        {"event_ids": frozenset({""})},
    ],
)
def test_what_cannot_be_read_is_of_no_kind(fields: dict[str, Any]) -> None:
    chosen = Filters(**fields)
    assert not chosen.fit(record(b"\xff\xff"))
