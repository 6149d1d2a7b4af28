"""The queue and the way of its events: what is sent when, and what becomes of it. It does no IO and knows no clock.

One request is under way at a time, so events are sent in the order in which they were tracked.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple, Protocol

from eventrail_client import backoff, receipts
from eventrail_client.events import Event
from eventrail_client.options import Options
from eventrail_client.receipts import Answer, Refused, Verdict

BRACKETS: Final = 2
PER_EVENT: Final = len(b',"sent_at":-9999999999999},')
"""Bytes that each event has in a request beside its own."""


class Journal(Protocol):
    """Is told of each event that is taken, and of each that is gone, for whatever reason. Both must not block.

    `number` counts the events of one client from 1.
    """

    def keep(self, number: int, event: Event) -> None:
        """`event` was taken."""
        ...

    def forget(self, number: int) -> None:
        """The event with this number was accepted, refused or dropped."""
        ...


class NoJournal:
    """Of a client that keeps nothing on disk."""

    def keep(self, number: int, event: Event) -> None:
        """Nothing."""

    def forget(self, number: int) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the events so far: `taken` is the sum of all the others."""

    taken: int
    accepted: int
    refused: int
    dropped: int
    waiting: int


class NoAnswer(NamedTuple):
    """Nobody knows what became of a request; `why` in a few words."""

    why: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event that will not be counted, and why.

    `index` is its place in the request, None where it was never sent; `code`, `reason` and `field` are the collector's.
    """

    event_id: str | None
    event_name: str
    index: int | None
    code: str
    reason: str
    field: str | None


@dataclass(slots=True)
class Ended:
    """What is to be told about a request: `trouble` only where the one before it had none, "" else."""

    refusals: list[Refusal] = field(default_factory=list)
    trouble: str = ""
    notes: Sequence[str] = ()


class _Waiting(NamedTuple):
    number: int
    since: float
    event: Event


class Delivery:
    """The events of one client, oldest first, from `take` until they are accepted, refused or dropped.

    Times are seconds of any one clock that never goes back; `randomness` gives a number from 0 to 1. Not safe for
    threads.
    """

    def __init__(self, options: Options, randomness: Callable[[], float], journal: Journal) -> None:
        self._options = options
        self._randomness = randomness
        self._journal = journal
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._under_way: list[_Waiting] = []
        self._taken = self._accepted = self._refused = self._dropped = 0
        self._hurried = 0
        self._failures = 0
        self._troubled = False
        self._paused_until = -math.inf
        self._most = options.batch_events

    @property
    def counts(self) -> Counts:
        """What became of the events so far."""
        waiting = len(self._waiting) + len(self._under_way)
        return Counts(self._taken, self._accepted, self._refused, self._dropped, waiting)

    @property
    def under_way(self) -> bool:
        """Whether a request was begun and did not end."""
        return bool(self._under_way)

    def take(self, event: Event, now: float) -> None:
        """Put `event` at the end of the queue; where that is full, the oldest events that wait make room."""
        self._taken += 1
        self._waiting.append(_Waiting(self._taken, now, event))
        self._bytes += len(event.member)
        self._journal.keep(self._taken, event)
        self._trim()

    def hurry(self) -> int:
        """Let nothing that waits now wait for others; returns a mark for `settled`."""
        self._hurried = self._taken
        return self._hurried

    def settled(self, mark: int) -> bool:
        """Whether each event that was taken before the mark is accepted, refused or dropped."""
        oldest = self._under_way or self._waiting
        return not oldest or oldest[0].number > mark

    def seconds_until_due(self, now: float) -> float:
        """When `begin` has something to send: 0 for now, infinity where nothing waits or a request is under way."""
        if self._under_way or not self._waiting:
            return math.inf
        oldest = self._waiting[0]
        aged = oldest.since + self._options.max_age
        ripe = now if self._is_full() or oldest.number <= self._hurried else aged
        return max(0.0, max(ripe, self._paused_until) - now)

    def begin(self) -> list[Event]:
        """The events of the next request, which is under way from now on; empty where there is nothing to send."""
        if not self._under_way:
            self._under_way = [self._waiting.popleft() for _ in range(self._next_size())]
            self._bytes -= sum(len(one.event.member) for one in self._under_way)
        return [one.event for one in self._under_way]

    def end(self, answer: Answer | NoAnswer, now: float) -> Ended:
        """What became of the request under way."""
        sent = len(self._under_way)
        if isinstance(answer, NoAnswer):
            verdict = Verdict(again=set(range(sent)), trouble=answer.why)
        else:
            verdict = receipts.read(answer, sent)
        if sent == 1 and verdict.whole:
            verdict = Verdict(refused={0: verdict.whole})
        refusals = [self._refuse(index, refused) for index, refused in sorted(verdict.refused.items())]
        accepted = sent - len(verdict.again) - len(refusals)
        self._accepted += accepted
        self._refused += len(refusals)
        self._part(verdict.again)
        trouble = self._pace(verdict, answer, sent, accepted, now)
        self._trim()
        return Ended(refusals, trouble, verdict.notes)

    def give_up(self) -> None:
        """Put what is under way back into the queue: nobody waits for its answer any more."""
        self._part(set(range(len(self._under_way))))
        self._trim()

    def _next_size(self) -> int:
        size, room = 0, self._options.batch_bytes - BRACKETS
        for one in islice(self._waiting, self._most):
            room -= len(one.event.member) + PER_EVENT
            if room < 0 and size:
                break
            size += 1
        return size

    def _is_full(self) -> bool:
        waiting = len(self._waiting)
        return waiting >= self._most or (
            self._bytes + waiting * PER_EVENT + BRACKETS > self._options.batch_bytes
        )

    def _trim(self) -> None:
        bound = self._options
        while len(self._waiting) > bound.queue_events or (
            self._bytes > bound.queue_bytes and len(self._waiting) > 1
        ):
            oldest = self._waiting.popleft()
            self._bytes -= len(oldest.event.member)
            self._journal.forget(oldest.number)
            self._dropped += 1

    def _refuse(self, index: int, refused: Refused) -> Refusal:
        event = self._under_way[index].event
        return Refusal(event.event_id, event.event_name, index, refused.code, refused.message, refused.field)

    def _part(self, again: AbstractSet[int]) -> None:
        back = []
        for index, one in enumerate(self._under_way):
            if index in again:
                back.append(one)
                self._bytes += len(one.event.member)
            else:
                self._journal.forget(one.number)
        self._waiting.extendleft(reversed(back))
        self._under_way = []

    def _pace(self, verdict: Verdict, answer: Answer | NoAnswer, sent: int, accepted: int, now: float) -> str:
        if not verdict.again:
            self._failures, self._troubled = 0, False
            self._most = min(self._options.batch_events, self._most * 2)
            return ""
        if sent > 1 and (verdict.whole or verdict.too_large):
            self._most = sent // 2
            return ""
        self._failures = 1 if accepted else self._failures + 1
        retry_after = answer.retry_after if isinstance(answer, Answer) else 0.0
        options = self._options
        self._paused_until = now + backoff.pause(
            self._failures, options.first_pause, options.longest_pause, retry_after, self._randomness()
        )
        known, self._troubled = self._troubled, True
        return "" if known else verdict.trouble
