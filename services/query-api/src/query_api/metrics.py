"""What the query API measures."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from query_api.live.metrics import LiveMetrics


class Metrics:
    """The catalogue; all in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.requests = Counter(
            "eventrail_query_api_requests",
            "Requests answered, by path template ('other' for unknown paths) and HTTP status.",
            ["route", "status"],
            registry=registry,
        )
        self.refused = Counter(
            "eventrail_query_api_refused_requests",
            "Requests below /api/ refused before anything was asked: unauthorized, rate_limited, too_many_concurrent.",
            ["code"],
            registry=registry,
        )
        self.query_seconds = Histogram(
            "eventrail_query_api_query_seconds",
            "Seconds from sending a query to ClickHouse to its last row, by query; answered ones only.",
            ["query"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
        self.rows_read = Counter(
            "eventrail_query_api_rows_read",
            "Rows that ClickHouse read to answer, by query.",
            ["query"],
            registry=registry,
        )
        self.clickhouse_up = Gauge(
            "eventrail_query_api_clickhouse_up",
            "1 when the last query or readiness check was answered by ClickHouse, else 0.",
            registry=registry,
        )
        self.waiting = Gauge(
            "eventrail_query_api_waiting_questions",
            "Questions that wait for a connection to ClickHouse.",
            registry=registry,
        )
        self.live = LiveMetrics(registry)
        self.surveys = Counter(
            "eventrail_query_api_surveys",
            "Times that Kafka was asked how far enricher, writer and spools are, by outcome (done or failed).",
            ["outcome"],
            registry=registry,
        )
        self.data_through_age = Gauge(
            "eventrail_query_api_data_through_age_seconds",
            "Seconds since data_through: every event that was accepted earlier counts; NaN while it is not known.",
            registry=registry,
        )
        self.data_through_age.set(float("nan"))

    def watch_progress(self, data_through_ms: Callable[[], int | None], now_ms: Callable[[], int]) -> None:
        """Let the age of `data_through_ms` be told; both in Unix milliseconds."""

        def age() -> float:
            through = data_through_ms()
            return float("nan") if through is None else (now_ms() - through) / 1000

        self.data_through_age.set_function(age)
