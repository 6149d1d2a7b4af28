"""What is measured of live streams."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from query_api.live.ring import Ring


class LiveMetrics:
    """A part of the query API's catalogue."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.readers = Gauge(
            "eventrail_query_api_live_readers", "Live streams that are open.", registry=registry
        )
        self.sent = Counter(
            "eventrail_query_api_live_sent_events", "Events sent, to all readers together.", registry=registry
        )
        self.dropped = Counter(
            "eventrail_query_api_live_dropped_records",
            "Records that slow readers missed because they had left the memory (event: lagged).",
            registry=registry,
        )
        self.resets = Counter(
            "eventrail_query_api_live_resets",
            "Readers who could not go on from their id (event: reset), by reason.",
            ["reason"],
            registry=registry,
        )
        self.suppressed = Counter(
            "eventrail_query_api_live_suppressed_records",
            "Records of websites that are read that nobody is shown, by reason: copy, erased, refused.",
            ["reason"],
            registry=registry,
        )
        self.look_ups_failed = Counter(
            "eventrail_query_api_live_look_ups_failed",
            "Times that ClickHouse did not say which events are copies or erased; they were shown.",
            registry=registry,
        )
        self.ring_records = Gauge(
            "eventrail_query_api_live_ring_records", "Records in memory to resume from.", registry=registry
        )
        self.ring_bytes = Gauge(
            "eventrail_query_api_live_ring_bytes", "Bytes that these take.", registry=registry
        )
        self.waiting = Gauge(
            "eventrail_query_api_live_waiting",
            "1 while there are readers and Kafka does not answer, else 0.",
            registry=registry,
        )

    def watch(self, ring: Ring) -> None:
        """Tell the size of `ring` whenever the metrics are asked for."""
        self.ring_records.set_function(lambda: len(ring))
        self.ring_bytes.set_function(lambda: ring.bytes)
