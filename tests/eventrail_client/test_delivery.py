"""The oracle: each event that was taken is at the collector, refused, dropped or still here, whatever fails."""

import json
import math
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from eventrail_client import wire
from eventrail_client.delivery import Counts, Delivery, NoAnswer, NoJournal, Refusal
from eventrail_client.events import Event
from eventrail_client.options import LEAST_BYTES, Options
from eventrail_client.receipts import Answer

OPTIONS = Options(
    batch_events=5,
    batch_bytes=LEAST_BYTES,
    max_age=2,
    queue_events=12,
    queue_bytes=200_000,
    first_pause=1,
    longest_pause=8,
)
LOST = NoAnswer("no answer")


def event(number: int, size: int = 10) -> Event:
    return Event(f"id-{number}", f"name-{number}", b'{"n":"%b"' % (b"x" * size))


def rejected(index: int, *, retry: bool) -> dict[str, Any]:
    code = "unavailable" if retry else "validation_error"
    return {"index": index, "code": code, "message": "why", "field": None, "retry": retry}


def receipt(accepted: int, *entries: dict[str, Any]) -> Answer:
    return Answer(202, 0, json.dumps({"ok": True, "accepted": accepted, "rejected": entries}).encode())


def refusal(status: int, code: str, *entries: dict[str, Any], retry_after: float = 0) -> Answer:
    body = {"error": {"code": code, "message": "why", "field": None}, "rejected": entries}
    return Answer(status, retry_after, json.dumps(body).encode())


class Kept:
    """A journal that finds what is told twice."""

    def __init__(self) -> None:
        self.events: dict[int, Event] = {}

    def keep(self, number: int, event: Event) -> None:
        assert number not in self.events
        self.events[number] = event

    def forget(self, number: int) -> None:
        del self.events[number]


class Way(RuleBasedStateMachine):
    """A client and a collector, of which the latter may do whatever happens on a bad day."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = Kept()
        self.delivery = Delivery(OPTIONS, lambda: 0.5, self.kept)
        self.now = 0.0
        self.taken: list[str] = []
        self.batch: list[Event] = []
        self.stored: set[str] = set()
        self.accepted: set[str] = set()
        self.refused: set[str] = set()
        self.not_before = 0.0

    @rule(size=st.sampled_from([1, 100, 30_000, 60_000]))
    def track(self, size: int) -> None:
        self.delivery.take(event(len(self.taken), size), self.now)
        self.taken.append(f"id-{len(self.taken)}")

    @rule(seconds=st.sampled_from([0.1, 1, 2, 10]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def hurry(self) -> None:
        mark = self.delivery.hurry()
        assert self.delivery.settled(mark) is (not self.kept.events)

    @precondition(lambda self: self.delivery.seconds_until_due(self.now) == 0)
    @rule()
    def send(self) -> None:
        assert self.now >= self.not_before
        self.batch = self.delivery.begin()
        assert 1 <= len(self.batch) <= OPTIONS.batch_events
        assert len(wire.body(self.batch, 1_770_000_000_000)) <= OPTIONS.batch_bytes
        order = [self.taken.index(one.event_id) for one in self.batch]
        assert order == sorted(order)
        assert self.delivery.begin() == self.batch  # it is under way, and nothing else

    def end(self, answer: Answer | NoAnswer) -> list[Refusal]:
        before = self.delivery.counts
        refusals = self.delivery.end(answer, self.now).refusals
        self.refused |= {one.event_id for one in refusals if one.event_id}
        assert self.delivery.counts.refused == before.refused + len(refusals)
        self.batch = []
        return refusals

    @precondition(lambda self: self.batch)
    @rule(fates=st.lists(st.sampled_from(["taken", "never", "later"]), min_size=5, max_size=5))
    def the_collector_answers(self, fates: list[str]) -> None:
        fate = dict(zip([one.event_id for one in self.batch], fates, strict=False))
        entries = [
            rejected(index, retry=what == "later")
            for index, what in enumerate(fate.values())
            if what != "taken"
        ]
        took = {event_id for event_id, what in fate.items() if what == "taken"}
        self.stored |= took
        self.accepted |= took
        before = self.delivery.counts.accepted
        refusals = self.end(receipt(len(took), *entries) if took else refusal(503, "unavailable", *entries))
        assert self.delivery.counts.accepted == before + len(took)
        assert {one.event_id for one in refusals} == {i for i, what in fate.items() if what == "never"}

    @precondition(lambda self: self.batch)
    @rule(
        arrived=st.booleans(), answer=st.sampled_from([LOST, Answer(200, 0, b"<html>"), Answer(202, 0, b"")])
    )
    def nobody_knows(self, arrived: bool, answer: Answer | NoAnswer) -> None:
        if arrived:
            self.stored |= {one.event_id for one in self.batch}
        assert not self.end(answer)

    @precondition(lambda self: self.batch)
    @rule()
    def the_request_is_given_up(self) -> None:
        self.delivery.give_up()
        self.batch = []

    @precondition(lambda self: self.batch)
    @rule(status=st.sampled_from([429, 503]), seconds=st.sampled_from([0, 3, 30]))
    def the_collector_asks_for_time(self, status: int, seconds: float) -> None:
        assert not self.end(refusal(status, "unavailable", retry_after=seconds))
        self.not_before = self.now + seconds

    @precondition(lambda self: self.batch)
    @rule()
    def a_proxy_finds_it_too_large(self) -> None:
        assert not self.end(Answer(413, 0, b"<html>"))

    @precondition(lambda self: self.batch)
    @rule()
    def the_collector_cannot_read_it(self) -> None:
        alone = [one.event_id for one in self.batch] if len(self.batch) == 1 else []
        assert [one.event_id for one in self.end(refusal(400, "invalid_json"))] == alone

    @invariant()
    def nothing_vanishes(self) -> None:
        counts = self.delivery.counts
        here = [one.event_id for one in self.kept.events.values()]
        assert counts.waiting == len(here) == len(set(here))
        assert (
            counts.taken
            == len(self.taken)
            == sum((counts.accepted, counts.refused, counts.dropped, len(here)))
        )
        assert not self.accepted & self.refused
        assert not (self.accepted | self.refused) & set(here)
        assert self.accepted <= self.stored

    @invariant()
    def it_is_bounded(self) -> None:
        waiting = self.delivery.counts.waiting - len(self.batch)
        assert waiting <= OPTIONS.queue_events
        assert sum(len(one.member) for one in self.kept.events.values()) <= OPTIONS.queue_bytes + LEAST_BYTES

    @invariant()
    def what_waits_is_due_at_some_time(self) -> None:
        due = self.delivery.seconds_until_due(self.now)
        assert (due == math.inf) is bool(self.batch or not self.kept.events)

    def teardown(self) -> None:
        """The collector is well again: what is still here arrives, oldest first."""
        self.delivery.give_up()
        last = self.delivery.hurry()
        here = [one.event_id for _, one in sorted(self.kept.events.items())]
        arrived: list[str] = []
        while not self.delivery.settled(last):
            self.now += self.delivery.seconds_until_due(self.now)
            sent = self.delivery.begin()
            arrived += [one.event_id for one in sent]
            self.delivery.end(receipt(len(sent)), self.now)
        assert arrived == here
        counts = self.delivery.counts
        assert counts.waiting == 0
        assert self.delivery.seconds_until_due(self.now) == math.inf
        assert len(self.taken) == counts.dropped + len(self.accepted | set(here)) + len(self.refused)


TestWay = Way.TestCase


def delivery(**options: Any) -> Delivery:
    return Delivery(Options(first_pause=1, longest_pause=8, **options), lambda: 0.0, NoJournal())


def test_an_event_waits_for_others_and_not_for_ever() -> None:
    way = delivery(max_age=2)
    way.take(event(1), 10)
    way.take(event(2), 11)
    assert [way.seconds_until_due(now) for now in (10, 11, 12, 20)] == [2, 1, 0, 0]
    assert way.begin() == [event(1), event(2)]


def test_fifty_events_wait_for_nothing() -> None:
    way = delivery()
    for number in range(49):
        way.take(event(number), 0)
    assert way.seconds_until_due(0) > 0
    way.take(event(49), 0)
    assert way.seconds_until_due(0) == 0


def test_a_hundred_kilobytes_wait_for_nothing_and_are_not_exceeded() -> None:
    way = delivery()
    for number in range(4):
        way.take(event(number, 30_000), 0)
    assert way.seconds_until_due(0) == 0
    assert len(way.begin()) == 3


def test_what_a_request_has_beside_its_events_counts_too() -> None:
    sizes = []
    for size in range(34_050, 34_150):
        way = delivery()
        for number in range(3):
            way.take(event(number, size), 0)
        batch = way.begin()
        sizes.append(len(batch))
        assert len(wire.body(batch, 1_770_000_000_000)) <= 102_400
    assert set(sizes) == {2, 3}


def test_a_flush_waits_for_no_age_but_for_the_collectors_pause() -> None:
    way = delivery(max_age=100)
    way.take(event(1), 0)
    way.hurry()
    assert way.seconds_until_due(0) == 0
    way.begin()
    way.end(refusal(503, "unavailable", retry_after=7), 1)
    assert [way.seconds_until_due(now) for now in (1, 7.5, 8)] == [7, 0.5, 0]


def test_a_flush_is_over_when_what_waited_then_is_settled() -> None:
    way = delivery()
    way.take(event(1), 0)
    mark = way.hurry()
    way.begin()
    way.take(event(2), 0)
    assert not way.settled(mark)
    way.end(receipt(1), 0)
    assert way.settled(mark)
    assert way.seconds_until_due(0) > 0  # the second one was not hurried


def test_pauses_grow_until_a_request_passes() -> None:
    way = delivery(max_age=0)
    way.take(event(1), 0)
    pauses = []
    for _ in range(5):
        way.begin()
        way.end(LOST, 0)
        pauses.append(way.seconds_until_due(0))
    assert pauses == [1, 2, 4, 8, 8]
    way.begin()
    way.end(receipt(1), 0)
    way.take(event(2), 0)
    way.begin()
    way.end(LOST, 0)
    assert way.seconds_until_due(0) == 1


def test_trouble_is_told_when_it_begins_and_not_again() -> None:
    way = delivery(max_age=0)
    told = []
    for answer in (LOST, LOST, receipt(1, rejected(1, retry=True)), receipt(1), LOST):
        while way.counts.waiting < 2:
            way.take(event(way.counts.taken), 0)
        if answer == receipt(1):
            way.end(receipt(len(way.begin())), 0)
            continue
        way.begin()
        told.append(way.end(answer, 0).trouble)
    assert told == ["no answer", "", "", "no answer"]


def test_an_event_that_no_collector_can_read_is_found_and_holds_up_none() -> None:
    way = delivery(max_age=0)
    for number in range(50):
        way.take(event(number), 0)
    refused, requests = [], 0
    while way.counts.waiting:
        requests += 1
        batch = way.begin()
        bad = event(20) in batch
        refused += way.end(refusal(400, "invalid_json") if bad else receipt(len(batch)), 0).refusals
        assert way.seconds_until_due(0) in (0, math.inf)
    assert [(one.event_name, one.code, one.reason) for one in refused] == [("name-20", "invalid_json", "why")]
    assert way.counts == Counts(taken=50, accepted=49, refused=1, dropped=0, waiting=0)
    assert requests < 20


def test_a_full_queue_drops_the_oldest_and_counts_them() -> None:
    way = delivery(queue_events=3)
    for number in range(5):
        way.take(event(number), 0)
    assert way.counts == Counts(taken=5, accepted=0, refused=0, dropped=2, waiting=3)
    way.hurry()
    assert way.begin() == [event(2), event(3), event(4)]


def full_with_one_under_way() -> Delivery:
    """Event 0 is under way, 1 and 2 are all that may wait."""
    way = delivery(queue_events=2)
    way.take(event(0), 0)
    way.hurry()
    way.begin()
    way.take(event(1), 0)
    way.take(event(2), 0)
    return way


def test_what_is_given_up_comes_back_into_a_queue_with_bounds() -> None:
    way = full_with_one_under_way()
    way.give_up()
    assert way.counts == Counts(taken=3, accepted=0, refused=0, dropped=1, waiting=2)


def test_what_is_under_way_is_not_dropped_until_it_comes_back() -> None:
    way = full_with_one_under_way()
    assert way.counts.dropped == 0
    way.end(LOST, 0)
    assert way.counts.dropped == 1
    assert way.begin() == [event(1), event(2)]


@pytest.mark.parametrize("notes", [{}, {"ignored_fields": ["client_ip"]}])
def test_remarks_are_passed_on(notes: dict[str, Any]) -> None:
    way = delivery()
    way.take(event(0), 0)
    way.begin()
    body = {"accepted": 1, "rejected": [], **notes}
    assert bool(way.end(Answer(202, 0, json.dumps(body).encode()), 0).notes) is bool(notes)
