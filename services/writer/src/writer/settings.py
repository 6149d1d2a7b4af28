"""What may be set for the writer."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from eventrail.contract import topics
from eventrail.settings import ClickHouseSettings, KafkaSettings, Listen, Settings, SharedSettings
from eventrail.tracing import TracingSettings
from eventrail.websites.settings import WebsitesSettings


class WriterSettings(Settings):
    """The writer's own settings; variables start with EVENTRAIL_WRITER_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_WRITER_")

    listen: Listen = Field("127.0.0.1:8403", description="Where /livez, /readyz and /metrics are served.")
    group: str = Field(
        topics.WRITER_GROUP,
        min_length=1,
        max_length=249,
        description="Kafka consumer group; all writers of one table share it.",
    )
    flush_events: int = Field(
        100, ge=1, le=1_000_000, description="Insert as soon as this many events wait and no insert runs."
    )
    flush_seconds: float = Field(
        5.0,
        gt=0,
        le=3600,
        description="Insert at the latest when the oldest event has waited this long, in seconds.",
    )
    insert_interval_seconds: float = Field(
        1.0,
        ge=0,
        le=60,
        description="Seconds between the beginnings of two inserts under load, so that they are fewer and larger; a"
        " full one does not wait, and none waits longer than flush_seconds.",
    )
    max_waiting_events: int = Field(
        10_000,
        ge=1,
        le=1_000_000,
        description="Events that may wait while an insert runs; then reading pauses. Also the largest insert.",
    )
    max_waiting_bytes: int = Field(
        32 * 1024 * 1024,
        ge=1024,
        description="Bytes of records that may wait while an insert runs; then reading pauses.",
    )
    insert_timeout_seconds: float = Field(
        30.0, gt=0, le=3600, description="Seconds without an answer after which an insert is sent again."
    )
    retry_max_seconds: float = Field(
        5.0, gt=0, le=600, description="Longest pause in seconds between two tries while a backend is away."
    )
    grace_seconds: float = Field(
        10.0,
        ge=0,
        le=3600,
        description=(
            "Seconds that a stop may take for writing what waits; what is not written then stays in Kafka."
        ),
    )
    handover_seconds: float = Field(
        5.0,
        ge=0,
        le=10,
        description="Seconds for writing what waits when partitions move to another writer.",
    )
    session_timeout_seconds: float = Field(
        15.0,
        ge=6,
        le=300,
        description="Seconds without a heartbeat after which Kafka gives the partitions away.",
    )
    known_events: int = Field(
        100_000,
        ge=0,
        le=10_000_000,
        description="Recently written events whose copies are dropped before the insert (about 250 bytes each).",
    )
    breaker_share: float = Field(
        0.2,
        gt=0,
        le=1,
        description=(
            "When more than this share of the last records is bad, none is rejected and the writer waits for a person"
            " or a new version (docs/poison.md); 1 rejects whatever is bad."
        ),
    )
    breaker_minimum: int = Field(
        100, ge=1, le=1_000_000, description="With fewer bad records than this the share is not looked at."
    )
    watchdog_seconds: float = Field(
        120.0,
        ge=1,
        le=86_400,
        description=(
            "Seconds without a commit, while records wait and nothing excuses it, after which the process ends with"
            " status 3; flush_seconds and twice insert_timeout_seconds come on top."
        ),
    )

    known_erased: int = Field(
        100_000,
        ge=0,
        le=10_000_000,
        description=(
            "Erased events, and as many visitors, that are held in memory (about 250 bytes each); with more of them "
            "ClickHouse is asked for each batch of a website that has erasures."
        ),
    )
    sweep_timeout_seconds: float = Field(
        600.0,
        gt=0,
        le=86_400,
        description="Seconds without an answer after which finding or deleting erased events is tried again.",
    )

    @property
    def longest_standstill_seconds(self) -> float:
        """So long nothing may be committed while records wait: what may rightly take long comes on top."""
        return self.watchdog_seconds + self.flush_seconds + 2 * self.insert_timeout_seconds


class ClusterSettings(Settings):
    """Where `migrate` makes the tables; variables start with EVENTRAIL_CLICKHOUSE_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_CLICKHOUSE_")

    cluster: str = Field(
        "",
        pattern=r"^[\w.-]*$",
        description="Cluster of the servers' configuration on which `migrate` makes replicated and distributed tables"
        " (docs/clusters.md); unset: one server.",
    )
    replica_path: str = Field(
        "/clickhouse/tables/{shard}/{database}/{table}",
        pattern=r"^/.*\{shard\}.*\{table\}",
        description="Path of a replicated table in Keeper; the servers put in their macros.",
    )
    replica_name: str = Field(
        "{replica}", min_length=1, description="Name of a replica in Keeper; the servers put in their macros."
    )


ALL = (
    WriterSettings,
    KafkaSettings,
    ClickHouseSettings,
    ClusterSettings,
    WebsitesSettings,
    SharedSettings,
    TracingSettings,
)
"""Everything that the process reads, for `--help`."""
