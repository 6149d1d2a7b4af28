"""Traces of single requests, from the collector's door to the row, by OpenTelemetry; off unless a share is set.

A request that is traced carries its W3C `traceparent` with each of its events (raw.proto), and each service adds a span
to it when it is through with them. Spans leave by OTLP over HTTP, in a thread of their own; where they cannot, they are
dropped, and nobody waits for them. No span says who sent the request: no address, no agent, no URL of a page.

- here: the setting, and what a service sees of it
- `exported`: OpenTelemetry's SDK, loaded where something is traced
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from eventrail.settings import Settings

Attributes = Mapping[str, str | int]
"""By the names of OpenTelemetry's semantic conventions where there is one, else below `eventrail.`."""


class TracingSettings(Settings):
    """What is traced; variables start with EVENTRAIL_. Where spans go is said by OpenTelemetry's own variables."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_")

    traces_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description=(
            "Share of the requests that the collector traces, 0 for none; enricher and writer add their spans where "
            "it is not 0. Spans go to OTEL_EXPORTER_OTLP_ENDPOINT (http://localhost:4318), by OTLP over HTTP."
        ),
    )


class Begun(Protocol):
    """A span that was begun."""

    @property
    def traceparent(self) -> str:
        """The context for those that continue it (W3C Trace Context, 55 characters)."""
        ...

    def end(self, attributes: Attributes) -> None:
        """It ends now."""
        ...


class Traces(Protocol):
    """Where the spans of a service go. Nothing of it blocks, but for `close`."""

    def is_chosen(self) -> bool:
        """Whether the next request is one of those that are traced."""
        ...

    def begin(self, name: str, client: bytes) -> Begun:
        """The span of a request; `client` is its header `traceparent`, which is continued where it is valid."""
        ...

    def ended(self, name: str, traceparent: str, began_ms: int, attributes: Attributes) -> None:
        """A span that continues `traceparent`, began at `began_ms` (Unix milliseconds), and ends now.

        What is no valid `traceparent` is passed over.
        """
        ...

    def close(self) -> None:
        """Send what is left; blocks for at most 3 s."""
        ...


@contextmanager
def tracing(service: str, settings: TracingSettings) -> Iterator[Traces | None]:
    """Where `service` sends its spans while the block runs; None where nothing is traced."""
    if not settings.traces_share:
        yield None
        return
    # It takes some time to import, and most installations never need it.
    from eventrail.tracing.exported import exported  # noqa: PLC0415

    traces = exported(service, settings.traces_share)
    try:
        yield traces
    finally:
        traces.close()
