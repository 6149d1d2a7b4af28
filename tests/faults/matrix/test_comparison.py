"""The comparison finds what is wrong, and nothing where all is right."""

import copy
from collections import Counter
from collections.abc import Callable

import pytest

from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, RawPosition
from eventrail.contract.v1.rejected_pb2 import RejectedEvent
from tests.faults.matrix.comparison import Copies, Seen, copies, faults
from tests.faults.matrix.observation import Answers, Copy, Topics
from tests.faults.matrix.traffic import Sent

KEY = ("site", "purchase")


def event(number: int, **fields: object) -> EnrichedEvent:
    facts = {"website_id": "site", "event_id": f"e{number}", "visitor_id": "v", "session_id": "s"}
    made = EnrichedEvent(**(facts | fields))  # type: ignore[arg-type]
    made.raw_position.CopyFrom(RawPosition(partition=0, offset=number, index=0))
    return made


def right(number: int = 3) -> tuple[dict[str, Sent], Seen]:
    """So many events that went the way they should, the first of them enriched twice."""
    ids = [f"e{place}" for place in range(number)]
    sent = {each: Sent("site", "purchase", {}, None, 1.0, 2.0, 1) for each in ids}
    topics = Topics(
        raw={(0, place, 0): ("site", each) for place, each in enumerate(ids)},
        enriched=[Copy(event(place), 0, offset) for offset, place in enumerate([*range(number), 0])],
        alone={(0, place, 0): event(place) for place in range(number)},
    )
    answers = Answers(Counter({KEY: number}), Counter({KEY: number}), {KEY: Counter(ids)})
    return sent, Seen(answers, topics, Counter(ids))


def lost(sent: dict[str, Sent], seen: Seen) -> None:
    seen.answers.ids[KEY].pop("e1")


def lost_in_the_table(sent: dict[str, Sent], seen: Seen) -> None:
    del seen.stored["e1"]


def doubled(sent: dict[str, Sent], seen: Seen) -> None:
    seen.answers.ids[KEY]["e1"] = 2


def counted_twice(sent: dict[str, Sent], seen: Seen) -> None:
    seen.answers.listed[KEY] += 1


def missing_in_the_series(sent: dict[str, Sent], seen: Seen) -> None:
    seen.answers.series[KEY] -= 1


def invented(sent: dict[str, Sent], seen: Seen) -> None:
    seen.stored["nobody"] = 1


def rejected_and_stored(sent: dict[str, Sent], seen: Seen) -> None:
    seen.topics.rejected.append(RejectedEvent(event_id="e1", source_offset=1))


def not_enriched(sent: dict[str, Sent], seen: Seen) -> None:
    del seen.topics.enriched[2]


def another_session(sent: dict[str, Sent], seen: Seen) -> None:
    seen.topics.enriched.append(Copy(event(1, session_id="other"), 0, 9))


def out_of_order(sent: dict[str, Sent], seen: Seen) -> None:
    first, second, *rest = seen.topics.enriched
    seen.topics.enriched[:] = [Copy(second.event, 0, 0), Copy(first.event, 0, 1), *rest]


def never_answered(sent: dict[str, Sent], seen: Seen) -> None:
    sent["e9"] = Sent("site", "purchase", {}, None, 1.0)


def wrongly_refused(sent: dict[str, Sent], seen: Seen) -> None:
    sent["e9"] = Sent("site", "purchase", {}, None, 1.0, refused="400")


def test_what_is_right_has_no_faults() -> None:
    assert faults(*right()) == []


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lost, "lost: accepted, but not in the property breakdown: e1"),
        (lost_in_the_table, "lost: accepted, but not in the table: e1"),
        (doubled, "doubled in the property breakdown: e1"),
        (counted_twice, "the list counts 4 of purchase of site, 3 were accepted"),
        (missing_in_the_series, "the time series counts 2 of purchase"),
        (invented, "invented: in the table, but never sent: nobody"),
        (rejected_and_stored, "both rejected and in the table: e1"),
        (not_enriched, "neither enriched nor rejected: (0, 2, 0)"),
        (another_session, "otherwise than by an undisturbed enricher: (0, 1, 0) v: session_id"),
        (out_of_order, "out of order: visitors: (0, 'site', 'v')"),
        (never_answered, "without an answer: e9"),
        (wrongly_refused, "refused although they are right: e9"),
    ],
)
def test_each_broken_promise_is_told(harm: Callable[[dict[str, Sent], Seen], None], words: str) -> None:
    sent, seen = copy.deepcopy(right())
    harm(sent, seen)
    assert words in "\n".join(faults(sent, seen))


def test_a_rejected_event_need_not_be_stored() -> None:
    sent, seen = right()
    seen.topics.rejected.append(RejectedEvent(event_id="e1", source_partition=0, source_offset=1))
    del seen.topics.enriched[1]
    del seen.stored["e1"]
    del seen.answers.ids[KEY]["e1"]
    seen.answers.listed[KEY] -= 1
    seen.answers.series[KEY] -= 1
    assert faults(sent, seen) == []


def test_copies_are_accounted_for() -> None:
    _, seen = right()
    seen.topics.raw[0, 7, 0] = ("site", "e1")
    seen.topics.enriched.append(Copy(event(1), 0, 8))
    assert copies(seen.topics, dropped=1) == Copies(sent=1, enriched=2, by_writer=1, by_table=1)
