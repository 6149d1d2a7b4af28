"""What may be set for the enricher, read once at the door."""

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from eventrail.sealing import SealingSettings
from eventrail.settings import KafkaSettings, Listen, Settings


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
        2.0, ge=0.1, le=10, description="Seconds between two heartbeats to Kafka; well below the timeout."
    )
    watchdog_seconds: float = Field(
        120.0,
        ge=1,
        description="Seconds without progress, while records wait, after which the process ends with status 3.",
    )
    late_events_hours: float = Field(
        6.0,
        ge=0,
        le=48,
        description=(
            "Hours that an event may come late and still find its visitor's session; session states "
            "of that time are in memory."
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
    salt_secret: str = Field(
        description=(
            "BASE64 of 32 random bytes from which the daily salts of visitor ids come, the same in all "
            "enrichers. Make one with: "
            "python3 -c 'import os,base64; print(base64.b64encode(os.urandom(32)).decode())'"
        ),
        repr=False,
    )

    @field_validator("salt_secret")
    @classmethod
    def _thirty_two_bytes(cls, value: str) -> str:
        try:
            secret = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if len(secret) != 32:
            raise ValueError("must be the base64 text of 32 bytes")
        return value

    @property
    def salt_bytes(self) -> bytes:
        """The 32 bytes of `salt_secret`."""
        return base64.b64decode(self.salt_secret)


@dataclass(frozen=True)
class AllSettings:
    """What the worker is told from outside."""

    enricher: EnricherSettings
    lookups: LookupSettings
    sealing: SealingSettings
    kafka: KafkaSettings
