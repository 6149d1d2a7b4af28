"""What may be set for the auditor."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from eventrail.contract import topics
from eventrail.settings import ClickHouseSettings, KafkaSettings, Listen, Settings, SharedSettings


class AuditorSettings(Settings):
    """The auditor's own settings; variables start with EVENTRAIL_AUDITOR_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_AUDITOR_")

    listen: Listen = Field("127.0.0.1:8404", description="Where /livez, /readyz and /metrics are served.")
    group: str = Field(
        topics.AUDITOR_GROUP,
        min_length=1,
        max_length=249,
        description="Kafka group under which the auditor commits what it has read.",
    )
    enricher_group: str = Field(
        topics.ENRICHER_APP, min_length=1, max_length=249, description="Kafka group of the audited enrichers."
    )
    writer_group: str = Field(
        topics.WRITER_GROUP, min_length=1, max_length=249, description="Kafka group of the audited writers."
    )
    interval_seconds: float = Field(
        15.0, gt=0, le=3600, description="Seconds from the start of a pass to the start of the next one."
    )
    pass_seconds: float = Field(
        5.0,
        gt=0,
        le=3600,
        description="Seconds of a pass after which no further minutes are begun; the next pass goes on with them.",
    )
    recent_minutes: int = Field(
        10,
        ge=1,
        le=1440,
        description="The last minutes are looked at before all others, and shown as eventrail_ledger_events.",
    )
    window_hours: int = Field(
        48, ge=1, le=72, description="Minutes of which something was read in these hours are looked at again."
    )
    settle_seconds: float = Field(
        10.0,
        ge=0,
        le=3600,
        description="Seconds that must pass after the writer's commit before a missing event counts as missing.",
    )
    slice_events: int = Field(
        50_000, ge=100, le=1_000_000, description="Most events that one query looks up in ClickHouse."
    )
    flush_events: int = Field(
        20_000, ge=1, le=1_000_000, description="Write to the ledger when this many events were read."
    )
    flush_seconds: float = Field(
        1.0, gt=0, le=60, description="Write to the ledger at the latest after so many seconds."
    )
    query_seconds: float = Field(
        60.0, gt=0, le=3600, description="Seconds ClickHouse may take for one query of the auditor."
    )
    query_memory_bytes: int = Field(
        1 << 30, ge=1 << 24, description="Bytes of memory ClickHouse may use for one query of the auditor."
    )
    retry_max_seconds: float = Field(
        5.0, gt=0, le=600, description="Longest pause in seconds between two tries while a backend is away."
    )


ALL = (AuditorSettings, KafkaSettings, ClickHouseSettings, SharedSettings)
"""Everything that the process reads, for `--help`."""
