"""What the collector measures about itself: the catalogue."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from collector.rate_limits import RateLimiter
from collector.refusals import KINDS
from collector.sinks.backlog import Backlog
from eventrail import metrics

_SECONDS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.012, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_BYTES = (256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576)


class Admission(Protocol):
    """What is read of the owner of the connections."""

    connections: int
    held_bytes: int


class SpoolHeld(Protocol):
    """What is read of the owner of the spool."""

    @property
    def events(self) -> int: ...

    @property
    def bytes(self) -> int: ...


class _Buckets(Collector):
    """The buckets of the rate limits; counted by their owner, so that it stays pure."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._owners = (("address", limiter.addresses), ("website", limiter.websites))

    def collect(self) -> Iterable[Metric]:
        held = GaugeMetricFamily(
            "eventrail_collector_rate_limit_buckets",
            "Buckets of rate limits that are held, by limit: address, website.",
            labels=["limit"],
        )
        forgotten = CounterMetricFamily(
            "eventrail_collector_rate_limit_buckets_forgotten",
            "Buckets that were forgotten before they were full again, because others needed the room.",
            labels=["limit"],
        )
        for name, buckets in self._owners:
            held.add_metric([name], len(buckets))
            forgotten.add_metric([name], buckets.forgotten)
        return held, forgotten


class Metrics:
    """Every figure of the collector, in a registry of its own (`registry`)."""

    def __init__(self) -> None:
        self.registry: CollectorRegistry = metrics.registry("collector")
        self.accepted = Counter(
            "eventrail_collector_events_accepted",
            "Events that were acknowledged by Kafka, or written to the spool, and answered with 202.",
            registry=self.registry,
        )
        self.refused = Counter(
            "eventrail_collector_events_refused",
            "Events that were not accepted, by code; a request refused as a whole counts as one.",
            ["code"],
            registry=self.registry,
        )
        for code in KINDS:
            self.refused.labels(code)
        self.requests = Counter(
            "eventrail_collector_requests",
            "Requests to the collect endpoint, by HTTP status.",
            ["status"],
            registry=self.registry,
        )
        self._requests: dict[int, Counter] = {}
        self.publish_seconds = Histogram(
            "eventrail_collector_publish_seconds",
            "Seconds from handing a request's events to the sink until each has its fate.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.chunk_events = Histogram(
            "eventrail_collector_send_events",
            "Events in one send to one raw partition.",
            buckets=_COUNTS,
            registry=self.registry,
        )
        self.chunk_bytes = Histogram(
            "eventrail_collector_chunk_bytes",
            "Bytes of one chunk (RawEvents message) on the raw topic.",
            buckets=_BYTES,
            registry=self.registry,
        )
        self.requests_in_flight = Gauge(
            "eventrail_collector_requests_in_flight",
            "Requests to the collect endpoint that have no answer yet.",
            registry=self.registry,
        )
        self.connections_closed = Counter(
            "eventrail_collector_connections_closed",
            "Connections that were closed to protect the others, by reason: gave_way (it was idle longest and a "
            "new one needed room), crowded (no room even to refuse), takes_no_answers.",
            ["reason"],
            registry=self.registry,
        )
        self.rate_limited = Counter(
            "eventrail_collector_rate_limited_events",
            "Events that a rate limit refused, by limit: address, website (one that both refused counts in both).",
            ["limit"],
            registry=self.registry,
        )
        self._connections = Gauge(
            "eventrail_collector_connections",
            "Open connections of clients.",
            registry=self.registry,
        )
        self._received_bytes = Gauge(
            "eventrail_collector_received_bytes",
            "Bytes of requests that are not answered yet, with 4,096 for each request.",
            registry=self.registry,
        )
        self._queue_events = Gauge(
            "eventrail_collector_queue_events",
            "Events that were taken and wait for Kafka's acknowledgement.",
            registry=self.registry,
        )
        self._queue_bytes = Gauge(
            "eventrail_collector_queue_bytes",
            "Bytes of the events that wait for Kafka's acknowledgement.",
            registry=self.registry,
        )
        self.spooled = Counter(
            "eventrail_collector_spooled_events",
            "Events that were written to the spool on disk because Kafka did not take them.",
            registry=self.registry,
        )
        self.drained = Counter(
            "eventrail_collector_drained_events",
            "Events of the spool that were acknowledged by Kafka.",
            registry=self.registry,
        )
        self._spool_events = Gauge(
            "eventrail_collector_spool_events",
            "Events that are in the spool on disk.",
            registry=self.registry,
        )
        self._spool_bytes = Gauge(
            "eventrail_collector_spool_bytes",
            "Bytes of the spool's file that are in use.",
            registry=self.registry,
        )
        self._spool_limit = Gauge(
            "eventrail_collector_spool_limit_bytes",
            "Bytes that the spool's file may have; 0 where there is no spool.",
            registry=self.registry,
        )
        self._spool_oldest = Gauge(
            "eventrail_collector_spool_oldest_seconds",
            "Age of the oldest event in the spool in seconds, 0 where it is empty.",
            registry=self.registry,
        )
        self._kafka_up = Gauge(
            "eventrail_collector_kafka_up",
            "1 while the collector has a connection to Kafka with the raw topic in order, else 0.",
            registry=self.registry,
        )

    def watch(self, backlog: Backlog, kafka_up: Callable[[], bool]) -> None:
        """Read queue depth and Kafka's state from their owners whenever the metrics are asked for."""
        self._queue_events.set_function(lambda: backlog.events)
        self._queue_bytes.set_function(lambda: backlog.bytes)
        self._kafka_up.set_function(lambda: float(kafka_up()))

    def watch_spool(
        self, held: Callable[[], SpoolHeld], oldest_seconds: Callable[[], float], limit_bytes: int
    ) -> None:
        """Read what the spool holds from its owner whenever the metrics are asked for."""
        self._spool_limit.set(limit_bytes)
        self._spool_events.set_function(lambda: held().events)
        self._spool_bytes.set_function(lambda: held().bytes)
        self._spool_oldest.set_function(oldest_seconds)

    def watch_door(self, admission: Admission) -> None:
        """Read connections and received bytes from their owner whenever the metrics are asked for."""
        self._connections.set_function(lambda: admission.connections)
        self._received_bytes.set_function(lambda: admission.held_bytes)

    def watch_limits(self, limiter: RateLimiter) -> None:
        """Read the rate limits' buckets from their owner whenever the metrics are asked for."""
        self.registry.register(_Buckets(limiter))

    def answered(self, status: int) -> None:
        """A request has its answer."""
        counter = self._requests.get(status)
        if counter is None:
            counter = self._requests[status] = self.requests.labels(status)
        counter.inc()

    def sent(self, events: int, chunks: Sequence[bytes]) -> None:
        """One send of `events` in `chunks` has come to its end."""
        self.chunk_events.observe(events)
        for chunk in chunks:
            self.chunk_bytes.observe(len(chunk))
