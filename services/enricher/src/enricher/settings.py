"""What may be set for the enricher, read once at the door."""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from eventrail.sealing import SealingSettings
from eventrail.settings import KafkaSettings, Listen, Settings
from eventrail.tracing import TracingSettings
from eventrail.websites.settings import WebsitesSettings


class EnricherSettings(Settings):
    """The worker itself; variables start with EVENTRAIL_ENRICHER_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_ENRICHER_")

    listen: Listen = Field(
        "127.0.0.1:8402", description="Where /livez, /readyz and /metrics are served: HOST:PORT."
    )
    commit_interval_seconds: float = Field(
        1.0, ge=0.05, le=60, description="Seconds between two commits of what was done."
    )
    session_timeout_seconds: float = Field(
        10.0,
        ge=6,
        le=40,
        description=(
            "Seconds without a heartbeat after which Kafka gives this worker's partitions to others; "
            "it is how long a killed worker's partitions stand still."
        ),
    )
    heartbeat_interval_seconds: float = Field(
        1.0, ge=0.1, le=10, description="Seconds between two heartbeats to Kafka; well below the timeout."
    )
    breaker_share: float = Field(
        0.2,
        gt=0,
        le=1,
        description=(
            "When more than this share of the last events fails, none is rejected and the enricher waits for a person"
            " or a new version (docs/pauses.md); 1 rejects whatever fails."
        ),
    )
    breaker_minimum: int = Field(
        100, ge=1, le=1_000_000, description="With fewer failed events than this the share is not looked at."
    )
    watchdog_seconds: float = Field(
        120.0,
        ge=1,
        description="Seconds without progress, while records wait, after which the process ends with status 3.",
    )
    salt_clean_seconds: float = Field(
        900.0,
        ge=1,
        description=(
            "Seconds between two looks for salts whose time is over but which the broker still has on its disk."
        ),
    )
    data_dir: Path | None = Field(
        None, description="Folder for Faust's files, none of which is of value; unset: a temporary one."
    )


class LookupSettings(Settings):
    """What events are enriched with; variables start with EVENTRAIL_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_")

    geoip_database: str | None = Field(
        None, description="Path of a GeoIP City or Country database (.mmdb); unset: events get no place."
    )
    salt_keys: str = Field(
        description=(
            "Keys that encrypt the days' salts of visitor ids on their topic, the same in all enrichers: ID:BASE64 of "
            "32 bytes, comma separated. The first one encrypts, all of them decrypt. Make one with: "
            "python3 -c 'import os,base64; print(\"s1:\" + base64.b64encode(os.urandom(32)).decode())'"
        ),
        repr=False,
    )


@dataclass(frozen=True)
class AllSettings:
    """What the worker is told from outside."""

    enricher: EnricherSettings
    lookups: LookupSettings
    sealing: SealingSettings
    kafka: KafkaSettings
    websites: WebsitesSettings = field(default_factory=lambda: WebsitesSettings(websites=""))
    tracing: TracingSettings = field(default_factory=lambda: TracingSettings(traces_share=0))
