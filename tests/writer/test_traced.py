"""Traced records have a span each when they are committed, and none before."""

from dataclasses import dataclass, field
from typing import Any

from eventrail.clock import ManualClock
from eventrail.contract.codec import TRACEPARENT_HEADER, headers_of
from writer.traced import Traced

A, B = ("00-" + letter * 32 + "-" + letter * 16 + "-01" for letter in "ab")


@dataclass
class Spans:
    told: list[tuple[str, str, int, int]] = field(default_factory=list)

    def ended(self, name: str, traceparent: str, began_ms: int, attributes: Any) -> None:
        self.told.append((name, traceparent, began_ms, attributes["eventrail.events"]))


@dataclass
class Found:
    offset: int
    headers: list[tuple[str, bytes]]


def record(offset: int, traceparent: str = "") -> Found:
    headers = headers_of("shop", "00000000-0000-7000-8000-000000000001", 1_770_000_000_000)
    return Found(offset, [*headers, (TRACEPARENT_HEADER, traceparent.encode())] if traceparent else headers)


def make() -> tuple[Traced, Spans, ManualClock]:
    spans, clock = Spans(), ManualClock(unix_ms=1000)
    traces: Any = spans
    return Traced(traces, clock), spans, clock


def test_a_span_is_from_reading_to_commit_and_counts_its_events() -> None:
    traced, spans, clock = make()
    traced.read(0, [record(1), record(2, A), record(3, A)])
    clock.advance(2)
    traced.read(0, [record(4, B)])
    traced.read(1, [record(9, A)])
    traced.committed({0: 2})
    assert spans.told == []
    traced.committed({0: 4, 1: 10})
    assert spans.told == [("write", A, 1000, 3)]
    traced.committed({0: 5, 1: 10})
    assert spans.told[1:] == [("write", B, 3000, 1)]
    traced.committed({0: 6, 1: 11})
    assert len(spans.told) == 2


def test_what_is_dropped_is_told_by_whoever_reads_it_again() -> None:
    traced, spans, _clock = make()
    traced.read(0, [record(1, A)])
    traced.forget()
    traced.committed({0: 5})
    assert spans.told == []


def test_records_of_others_without_headers_are_not_traced() -> None:
    traced, spans, _clock = make()
    traced.read(0, [Found(1, [])])
    traced.committed({0: 5})
    assert spans.told == []
