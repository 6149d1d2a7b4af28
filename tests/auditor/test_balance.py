"""Each event has one outcome per stage, and the books of a minute agree from stage to stage."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from auditor.balance import Facts, Found, Refused, balance, is_balanced, nothing, outcome
from eventrail.contract.ledger import KEYS, OUTCOMES

FACTS = st.builds(
    Facts,
    st.booleans(),
    st.booleans(),
    st.sampled_from(Found),
    st.sampled_from(Refused),
    st.booleans(),
    st.booleans(),
)


def told(facts: Facts) -> str:
    """The same in other words: what a person would say of one event, looking at everything."""
    if facts.found == Found.SAME:
        return "stored"
    if facts.refused == Refused.ENRICHER:
        return "rejected by the enricher"
    if facts.expired:
        return "expired"
    if facts.settled:
        if facts.found == Found.OTHER:
            return "duplicate"
        if facts.erased:
            return "erased"
        return "rejected by the writer" if facts.refused == Refused.WRITER else "unaccounted"
    return "at the writer" if facts.passed else "at the enricher"


WORDS = {
    "stored": ("enriched", "stored"),
    "rejected by the enricher": ("rejected", None),
    "expired": ("expired", None),
    "duplicate": ("enriched", "duplicate"),
    "erased": ("enriched", "erased"),
    "rejected by the writer": ("enriched", "rejected"),
    "unaccounted": ("enriched", "unaccounted"),
    "at the writer": ("enriched", "in_flight"),
    "at the enricher": ("in_flight", None),
}


@given(FACTS)
def test_every_event_has_one_outcome_of_the_closed_list(facts: Facts) -> None:
    assert outcome(facts) == WORDS[told(facts)]


@given(FACTS)
def test_what_is_not_settled_is_never_unaccounted(facts: Facts) -> None:
    assert outcome(facts._replace(settled=False))[1] != "unaccounted"


@given(st.lists(st.tuples(FACTS, st.integers(1, 1000))), st.integers(0, 5))
def test_the_stages_agree(counted: list[tuple[Facts, int]], lost_unread: int) -> None:
    counts = balance(counted, lost_unread)
    assert set(counts) == set(KEYS)
    oracle: Counter[str] = Counter()
    for facts, events in counted:
        oracle[told(facts)] += events
    assert counts["raw", "accepted"] == oracle.total() + lost_unread
    assert counts["enricher", "expired"] == oracle["expired"] + lost_unread
    assert counts["writer", "unaccounted"] == oracle["unaccounted"]
    assert sum(counts["enricher", name] for name in OUTCOMES["enricher"]) == counts["raw", "accepted"]
    assert sum(counts["writer", name] for name in OUTCOMES["writer"]) == counts["enricher", "enriched"]
    assert is_balanced(counts) == (oracle["unaccounted"] == 0)


def test_an_empty_minute() -> None:
    assert balance([]) == nothing()
    assert is_balanced(nothing())
