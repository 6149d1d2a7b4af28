"""What may be set for the collector."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from eventrail.settings import Listen, Settings


class SecretSettings(Settings):
    """Secrets of the environment; variables start with EVENTRAIL_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_")

    salt_secret: str = Field(
        description=(
            "Secret that keeps partitions from telling addresses: base64 of 32 bytes, the same for all collectors. "
            "Make one with: python3 -c 'import os,base64; print(base64.b64encode(os.urandom(32)).decode())'"
        ),
        repr=False,
    )


class CollectorSettings(Settings):
    """Variables start with EVENTRAIL_COLLECTOR_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_COLLECTOR_")

    listen: Listen = Field("127.0.0.1:8400", description="Address of the HTTP server: HOST:PORT.")
    publish_timeout: float = Field(
        10.0,
        gt=0,
        le=300,
        description="Seconds that a request waits for Kafka's acknowledgement before it is answered 503.",
    )
    linger_ms: float = Field(
        2.0,
        ge=0,
        le=1000,
        description="Milliseconds that the first event of a partition waits for others to share its chunk.",
    )
    queue_events: int = Field(
        50_000,
        ge=50,
        description="Events that may wait for Kafka's acknowledgement; beyond it requests are answered 503.",
    )
    queue_bytes: int = Field(
        32 * 1024 * 1024,
        ge=1024 * 1024,
        description="Bytes of events that may wait for Kafka; beyond it requests are answered 503.",
    )
    retry_after: int = Field(
        1, ge=1, le=3600, description="Seconds in the header Retry-After of an answer 503."
    )
    requests_in_flight: int = Field(
        5_000, ge=1, description="Requests that are served at once; beyond it they are answered 503."
    )
    body_timeout: float = Field(
        10.0, gt=0, le=300, description="Seconds in which the body of a request must have arrived (else 408)."
    )
    header_bytes: int = Field(
        32 * 1024, ge=1024, description="Bytes that request line and headers may have together (else 431)."
    )
    keep_alive: int = Field(30, ge=1, description="Seconds after which an idle connection is closed.")
    stop_timeout: int = Field(
        30, ge=1, description="Seconds that running requests may take to end after SIGTERM."
    )
    max_ahead: int = Field(
        300,
        ge=0,
        description="Seconds that a client's timestamp may lie ahead; beyond it the receive time is taken.",
    )
    max_back: int = Field(
        7 * 86_400,
        ge=0,
        description="Seconds that a client's timestamp may lie back; beyond it the receive time is taken.",
    )
