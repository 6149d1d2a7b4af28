"""Spans by OpenTelemetry's SDK: one trace from the request on, and an end that waits for nobody."""

import random
import time

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from devstack.ports import free_addresses
from eventrail.tracing import Traces, TracingSettings, tracing
from eventrail.tracing.exported import exported

CLIENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Bench:
    def __init__(self, share: float = 1.0) -> None:
        self.memory = InMemorySpanExporter()
        self.traces: Traces = exported("collector", share, self.memory)

    def spans(self) -> dict[str, ReadableSpan]:
        self.traces.close()
        return {span.name: span for span in self.memory.get_finished_spans()}


def ids(span: ReadableSpan) -> tuple[int, int]:
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


def test_what_continues_a_request_is_of_its_trace_and_below_its_span() -> None:
    bench = Bench()
    begun = bench.traces.begin("collect", b"")
    bench.traces.ended("enrich", begun.traceparent, 1_770_000_000_000, {"eventrail.events": 2})
    begun.end({"http.response.status_code": 202})
    spans = bench.spans()
    collect, enrich = spans["collect"], spans["enrich"]
    assert collect.parent is None
    assert enrich.parent is not None
    assert (enrich.parent.trace_id, enrich.parent.span_id) == ids(collect)
    assert (collect.kind, enrich.kind) == (SpanKind.SERVER, SpanKind.CONSUMER)
    assert enrich.start_time == 1_770_000_000_000_000_000
    assert dict(enrich.attributes or {}) == {"eventrail.events": 2}
    assert dict(collect.attributes or {}) == {"http.response.status_code": 202}
    assert collect.resource.attributes["service.name"] == "collector"
    assert collect.resource.attributes["service.namespace"] == "eventrail"


def test_a_clients_own_trace_is_continued() -> None:
    bench = Bench()
    begun = bench.traces.begin("collect", CLIENT.encode())
    assert begun.traceparent.split("-")[:2] == CLIENT.split("-")[:2]
    assert begun.traceparent.split("-")[2] != CLIENT.split("-")[2]


@pytest.mark.parametrize(
    "given", [b"", b"x", CLIENT.encode()[:-4], b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01", b"\xff" * 55]
)
def test_what_is_no_context_begins_a_trace_and_is_continued_by_none(given: bytes) -> None:
    bench = Bench()
    begun = bench.traces.begin("collect", given)
    assert len(begun.traceparent) == 55
    assert CLIENT.split("-")[1] not in begun.traceparent
    bench.traces.ended("enrich", given.decode("latin-1"), 1, {})
    assert bench.spans() == {}


def test_the_share_is_that_of_the_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "random", iter([0.0, 0.099, 0.1, 0.9]).__next__)
    traces = Bench(0.1).traces
    assert [traces.is_chosen() for _ in range(4)] == [True, True, False, False]


def test_without_a_share_there_is_nothing() -> None:
    with tracing("collector", TracingSettings(traces_share=0)) as traces:
        assert traces is None


def test_where_nobody_listens_the_end_is_not_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = free_addresses(random.Random()).auditor
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", nobody.url)
    with tracing("collector", TracingSettings(traces_share=1)) as traces:
        assert traces is not None
        traces.begin("collect", b"").end({})
        began = time.monotonic()
    assert time.monotonic() - began < 10, "close waits for 3 s at most"
