"""What may be set on the query API; variables start with EVENTRAIL_QUERY_API_."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from eventrail.contract import topics
from eventrail.settings import Listen, Settings
from eventrail.websites import RateLimit
from eventrail.websites.model import MAX_RATE
from query_api.cross_origin import parse_origins


def _origins(text: str) -> str:
    parse_origins(text)
    return text


class QueryApiSettings(Settings):
    """Where the query API listens and how much one question may cost."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_QUERY_API_")

    listen: Listen = Field("127.0.0.1:8401", description="Address to serve at: HOST:PORT or [IPV6]:PORT.")
    connections: int = Field(
        4, ge=1, le=256, description="Connections to ClickHouse, so also queries that run at the same time."
    )
    max_waiting: int = Field(
        64, ge=0, le=10_000, description="Questions that may wait for a connection; more get a 503 at once."
    )
    max_wait_seconds: float = Field(
        2.0, gt=0, le=60, description="Seconds a question waits for a connection before it gets a 503."
    )
    max_execution_seconds: int = Field(
        10, ge=1, le=600, description="Seconds ClickHouse may work on one query before it gets a 503."
    )
    max_export_seconds: int = Field(
        300,
        ge=1,
        le=600,
        description="Seconds ClickHouse may work on one statement of an export: the first one surveys all its rows.",
    )
    max_memory_bytes: int = Field(
        1 << 30, ge=1 << 20, description="Bytes of memory ClickHouse may use for one query."
    )
    max_rows_read: int = Field(
        200_000_000,
        ge=1,
        description="Rows that one statement may read by ClickHouse's estimate; a question beyond it gets a 422.",
    )
    key_requests_per_second: float = Field(
        20.0, ge=0.001, le=MAX_RATE, description="Requests per second that one key may send for long."
    )
    key_burst: int = Field(60, ge=1, le=int(MAX_RATE), description="Requests that one key may send at once.")
    key_concurrency: int = Field(
        8,
        ge=1,
        le=10_000,
        description="Requests of one key that are answered at the same time; more get a 429.",
    )
    cors_origins: Annotated[str, AfterValidator(_origins)] = Field(
        "",
        description=(
            "Origins whose pages may read answers, comma separated: https://admin.example, or https://*.admin.example "
            "for all names below. Without any, only pages of the query API's own origin may."
        ),
    )
    retry_after_seconds: int = Field(
        5, ge=1, le=3600, description="Seconds that a 503 tells its client to wait (Retry-After)."
    )
    survey_seconds: float = Field(
        0.5,
        gt=0,
        le=60,
        description="Seconds between two questions to Kafka about how far enricher and writer are (data_through).",
    )
    enricher_group: str = Field(
        topics.ENRICHER_APP, min_length=1, max_length=249, description="Kafka group of the enrichers."
    )
    writer_group: str = Field(
        topics.WRITER_GROUP, min_length=1, max_length=249, description="Kafka group of the writers."
    )
    max_event_names: int = Field(
        10_000, ge=1, le=100_000, description="Most event names in one answer; `meta` says what was left out."
    )
    max_property_keys: int = Field(
        100, ge=1, le=10_000, description="Most property keys in one answer; `meta` says what was left out."
    )
    max_property_values: int = Field(
        100, ge=1, le=10_000, description="Most values of one property key; `meta` says what was left out."
    )
    erasure_margin_seconds: float = Field(
        1.0,
        ge=0,
        le=3600,
        description="What a collector accepts so many seconds after an erasure, by its clock, counts as before it.",
    )
    max_points: int = Field(
        5_000,
        ge=1,
        le=100_000,
        description="Most points in one time series; more is a 400 that says what fits.",
    )
    max_groups: int = Field(
        10_000,
        ge=1,
        le=100_000,
        description="Most groups in the answer to one breakdown, steps of time apart.",
    )
    live_max_readers: int = Field(
        100, ge=0, le=10_000, description="Live streams that may be open at once; more get a 503."
    )
    live_ring_records: int = Field(
        50_000, ge=10, le=5_000_000, description="Newest records in memory that live streams can resume from."
    )
    live_ring_bytes: int = Field(
        64 << 20, ge=1 << 16, description="Bytes that these may take; whichever of both is reached first."
    )
    live_heartbeat_seconds: float = Field(
        15.0, gt=0, le=300, description="Seconds without a message after which a live stream gets a comment."
    )
    live_linger_seconds: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="Seconds for which the topic is still read after the last live stream, for those that come back.",
    )
    live_stream_seconds: float = Field(
        3600.0,
        gt=0,
        le=86_400,
        description="Seconds after which a live stream ends, so that its key is looked at again; clients come back.",
    )
    live_stall_seconds: float = Field(
        60.0,
        gt=0,
        le=3600,
        description="Seconds for which the client of a live stream may take nothing before its connection ends.",
    )
    max_exports: int = Field(
        2,
        ge=1,
        le=256,
        description="Exports that run at the same time, each on one connection; one more gets a 503. Keep it below "
        "the connections, so that answers do not wait for exports.",
    )
    export_stall_seconds: float = Field(
        60,
        gt=0,
        le=3600,
        description="Seconds a client of an export may take nothing before it is hung up on.",
    )

    def key_rate(self) -> RateLimit:
        """The token bucket of each key."""
        return RateLimit(per_second=self.key_requests_per_second, burst=self.key_burst)
