"""Settings are read once at the door of a process, frozen, and each has a help text."""

from ssl import SSLContext
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, FilePath, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from eventrail.errors import ConfigurationError
from eventrail.tls import Names, client_context

T = TypeVar("T", bound="Settings")

Listen = Annotated[str, Field(pattern=r"^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$")]
"""Text `HOST:PORT` or `[IPV6]:PORT`."""


class Settings(BaseSettings):
    """Base of every service's settings: environment variables only, frozen, empty means default."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )


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


class DrainSettings(Settings):
    """How a service that is reached over HTTP ends; variables start with EVENTRAIL_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_")

    drain_seconds: float = Field(
        0.0,
        ge=0,
        le=300,
        description=(
            "Seconds after SIGTERM in which requests are still taken while /readyz says no: longer than load "
            "balancers need to hear of it; 0 without one."
        ),
    )


_KAFKA_FILES = Names(*(f"EVENTRAIL_KAFKA_SSL_{kind}_FILE" for kind in ("CA", "CERT", "KEY")))


class KafkaSettings(Settings):
    """How Kafka is reached and how topics are made; variables start with EVENTRAIL_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_")

    kafka_bootstrap_servers: str = Field(
        "127.0.0.1:19092", description="Kafka brokers to ask first: HOST:PORT, comma separated."
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, as the listener of the brokers."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How the user is proven: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."
    )
    kafka_sasl_username: str = Field("", description="User at the brokers, for SASL_PLAINTEXT and SASL_SSL.")
    kafka_sasl_password: str = Field(
        "", repr=False, description="Password of that user; or give it in a file, by the next setting."
    )
    kafka_sasl_password_file: FilePath | None = Field(
        None, description="File whose first line is that password; read again at each new connection."
    )
    kafka_ssl_ca_file: FilePath | None = Field(
        None,
        description="PEM file of the authorities that sign the brokers' certificates (unset: the system's).",
    )
    kafka_ssl_cert_file: FilePath | None = Field(
        None, description="PEM file of our own certificate, where the brokers ask for one."
    )
    kafka_ssl_key_file: FilePath | None = Field(
        None, description="PEM file of its key, not encrypted (unset: the key is in the certificate's file)."
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

    @model_validator(mode="after")
    def _secure_as_told(self) -> "KafkaSettings":
        if fault := _security_fault(self):
            raise ValueError(fault)
        try:
            self.kafka_password(), self.kafka_tls()
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return self

    def kafka_password(self) -> str:
        """The user's password, from its setting or its file. Raises ConfigurationError."""
        path = self.kafka_sasl_password_file
        if path is None:
            return self.kafka_sasl_password
        try:
            word = path.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
        except (OSError, UnicodeDecodeError):
            word = ""
        if not word:
            raise ConfigurationError(
                f"EVENTRAIL_KAFKA_SASL_PASSWORD_FILE: the first line of {path} cannot be read or is empty"
            )
        return word

    def kafka_tls(self) -> SSLContext | None:
        """How to speak TLS, from the files as they are now; None without TLS. Raises ConfigurationError."""
        if not self.kafka_security_protocol.endswith("SSL"):
            return None
        files = (self.kafka_ssl_ca_file, self.kafka_ssl_cert_file, self.kafka_ssl_key_file)
        return client_context(*files, _KAFKA_FILES)


def _security_fault(given: KafkaSettings) -> str | None:
    """What of the settings of TLS and users does not fit together; files are read elsewhere."""
    sasl, tls = (
        given.kafka_security_protocol.startswith("SASL"),
        given.kafka_security_protocol.endswith("SSL"),
    )
    word, word_file = bool(given.kafka_sasl_password), bool(given.kafka_sasl_password_file)
    files = given.kafka_ssl_ca_file or given.kafka_ssl_cert_file or given.kafka_ssl_key_file
    protocol = f"EVENTRAIL_KAFKA_SECURITY_PROTOCOL={given.kafka_security_protocol}"
    faults = {
        "EVENTRAIL_KAFKA_SASL_PASSWORD and EVENTRAIL_KAFKA_SASL_PASSWORD_FILE: set one of them": word
        and word_file,
        "EVENTRAIL_KAFKA_SASL_PASSWORD without EVENTRAIL_KAFKA_SASL_USERNAME": (word or word_file)
        and not given.kafka_sasl_username,
        f"{protocol} needs EVENTRAIL_KAFKA_SASL_USERNAME": sasl and not given.kafka_sasl_username,
        f"{protocol} needs EVENTRAIL_KAFKA_SASL_PASSWORD or EVENTRAIL_KAFKA_SASL_PASSWORD_FILE": sasl
        and not (word or word_file),
        f"EVENTRAIL_KAFKA_SASL_USERNAME has no use with {protocol}": bool(given.kafka_sasl_username)
        and not sasl,
        f"EVENTRAIL_KAFKA_SSL_* has no use with {protocol}": files is not None and not tls,
        "EVENTRAIL_KAFKA_SSL_KEY_FILE without EVENTRAIL_KAFKA_SSL_CERT_FILE": bool(given.kafka_ssl_key_file)
        and not given.kafka_ssl_cert_file,
    }
    return next((fault for fault, there in faults.items() if there), None)


CLICKHOUSE_URL_UNCLEAR: Final = (
    "EVENTRAIL_CLICKHOUSE_URL cannot be understood; characters with a meaning in an address (/ # ? @ : %) are "
    "written as %XX in user and password"
)
"""What to say of an address without repeating any of it: a part of the password may stand where a port should."""


def clickhouse_url_is_clear(url: str) -> bool:
    """Whether host and port stand where they should, not behind an unescaped / # or ? of a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return "@" not in f"{parts.path}{parts.query}{parts.fragment}"


class ClickHouseSettings(Settings):
    """How ClickHouse is reached; variables start with EVENTRAIL_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_")

    clickhouse_url: str = Field(
        "clickhouse://default@127.0.0.1:19000/eventrail",
        pattern=r"^clickhouses?://",
        repr=False,
        description="Native protocol address: clickhouse://USER:PASSWORD@HOST:PORT/DATABASE "
        "(with TLS: clickhouses:// and, for an authority of your own, ?ca_certs=FILE at the end).",
    )

    @model_validator(mode="after")
    def _understood(self) -> "ClickHouseSettings":
        if not clickhouse_url_is_clear(self.clickhouse_url):
            raise ValueError(CLICKHOUSE_URL_UNCLEAR)
        return self


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
    if not place:  # about several settings, which the message names
        return message.removeprefix("Value error, ")
    field = str(place[0])
    known = kind.model_fields.get(field)
    meaning = f" ({known.description})" if known and known.description else ""
    return f"{variable(kind, field)}: {message}{meaning}"
