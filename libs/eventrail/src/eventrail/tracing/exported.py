"""Spans by OpenTelemetry's SDK, exported by OTLP over HTTP with its own environment variables."""

import random
from dataclasses import dataclass
from threading import Thread
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span, SpanKind, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from eventrail import __version__
from eventrail.tracing import Attributes, Begun, Traces

_HEADER: Final = "traceparent"
_CLOSE_SECONDS: Final = 3.0
_W3C: Final = TraceContextTextMapPropagator()


def exported(service: str, share: float, exporter: SpanExporter | None = None) -> Traces:
    """Traces of a `share` of the requests; `exporter` takes the spans in the place of OTLP over HTTP."""
    chosen = exporter or OTLPSpanExporter()
    provider = TracerProvider(
        # Who is traced is decided by the collector, before there is a span.
        sampler=ALWAYS_ON,
        resource=Resource.create(
            {"service.name": service, "service.namespace": "eventrail", "service.version": __version__}
        ),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(chosen))
    return _Exported(provider, chosen, share)


@dataclass(frozen=True)
class _Exported:
    provider: TracerProvider
    exporter: SpanExporter
    share: float

    def is_chosen(self) -> bool:
        return random.random() < self.share  # noqa: S311 - nothing secret is drawn

    def begin(self, name: str, client: bytes) -> Begun:
        context = _continued(client.decode("latin-1"))
        return _Begun(self._start(name, context, SpanKind.SERVER, None, {}))

    def ended(self, name: str, traceparent: str, began_ms: int, attributes: Attributes) -> None:
        context = _continued(traceparent)
        if context:
            self._start(name, context, SpanKind.CONSUMER, began_ms * 1_000_000, attributes).end()

    def _start(
        self, name: str, context: Context, kind: SpanKind, began_ns: int | None, attributes: Attributes
    ) -> Span:
        tracer = self.provider.get_tracer("eventrail", __version__)
        return tracer.start_span(
            name, context=context, kind=kind, attributes=dict(attributes), start_time=began_ns
        )

    def close(self) -> None:
        # Where nobody listens the exporter tries for longer than a process may take to end.
        closing = Thread(target=self.provider.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)
        if closing.is_alive():
            self.exporter.shutdown()


@dataclass(frozen=True)
class _Begun:
    span: Span

    @property
    def traceparent(self) -> str:
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, set_span_in_context(self.span, Context()))
        return carrier[_HEADER]

    def end(self, attributes: Attributes) -> None:
        self.span.set_attributes(dict(attributes))
        self.span.end()


def _continued(traceparent: str) -> Context:
    """The context that is continued; empty where `traceparent` is none."""
    return _W3C.extract({_HEADER: traceparent}, context=Context())
