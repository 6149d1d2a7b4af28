"""Settings are read once at the door of a process, frozen, and each has a help text."""

from typing import Annotated, TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from eventrail.errors import ConfigurationError

T = TypeVar("T", bound="Settings")

Listen = Annotated[str, Field(pattern=r"^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$")]
"""Text `HOST:PORT` or `[IPV6]:PORT`."""


class Settings(BaseSettings):
    """Base of every service's settings: environment variables only, frozen, empty means default."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore")


class SharedSettings(Settings):
    """What all services share; variables start with EVENTRAIL_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_")

    log_level: str = Field("INFO", description="Lowest level that is logged: DEBUG, INFO, WARNING, ERROR.")

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        level = value.upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return level


class KafkaSettings(Settings):
    """How Kafka is reached and how topics are made; variables start with EVENTRAIL_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_")

    kafka_bootstrap_servers: str = Field(
        "127.0.0.1:19092", description="Kafka brokers to ask first: HOST:PORT, comma separated."
    )
    topic_partitions: int = Field(
        8, ge=1, le=10_000, description="Partitions of each topic when it is created."
    )
    topic_replication_factor: int = Field(
        1,
        ge=1,
        le=10,
        description="Replicas of each partition when a topic is created (production: 3).",
    )
    topic_min_insync_replicas: int = Field(
        1,
        ge=1,
        le=10,
        description="Replicas that must have a record before it counts as acknowledged (production: 2).",
    )


class ClickHouseSettings(Settings):
    """How ClickHouse is reached; variables start with EVENTRAIL_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_")

    clickhouse_url: str = Field(
        "clickhouse://default@127.0.0.1:19000/eventrail",
        pattern=r"^clickhouses?://",
        description="Native protocol address: clickhouse://USER:PASSWORD@HOST:PORT/DATABASE (clickhouses:// for TLS).",
    )


def load(kind: type[T]) -> T:
    """Read `kind` from the environment.

    Raises ConfigurationError naming each wrong variable, what is wrong with it and its meaning.
    """
    try:
        return kind()
    except ValidationError as error:
        lines = [_complaint(kind, item["loc"], item["msg"]) for item in error.errors()]
        raise ConfigurationError("\n".join(lines)) from None


def variable(kind: type[Settings], field: str) -> str:
    """Name of the environment variable of a field, in upper case."""
    return f"{kind.model_config.get('env_prefix', '')}{field}".upper()


def help_text(*kinds: type[Settings]) -> str:
    """One line per setting: variable, default, meaning; the text behind `--help`."""
    lines = ["Settings (environment variables):", ""]
    for kind in kinds:
        for name, field in kind.model_fields.items():
            lines.append(f"  {variable(kind, name)}  [{_default(field)}]")
            lines.append(f"      {field.description}")
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    return "unset" if value in (None, "") else str(value)


def _complaint(kind: type[Settings], place: tuple[int | str, ...], message: str) -> str:
    field = str(place[0]) if place else ""
    known = kind.model_fields.get(field)
    meaning = f" ({known.description})" if known and known.description else ""
    return f"{variable(kind, field)}: {message}{meaning}"
