"""What may be set for the collector."""

import math
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from collector.trusted_proxies import parse_networks
from eventrail.settings import Listen, Settings
from eventrail.websites import RateLimit, RateLimits
from eventrail.websites.model import PrivacySignals

_BURST_SECONDS: Final = 10
_BURST_LEAST: Final = 50  # a whole batch


def _networks(text: str) -> str:
    parse_networks(text)
    return text


def _slow_is_off_or_stated(per_second: float) -> float:
    if 0 < per_second < 0.001:
        raise ValueError("must be 0 (no limit) or at least 0.001")
    return per_second


EventsPerSecond = Annotated[
    float, Field(ge=0, le=1_000_000, allow_inf_nan=False), AfterValidator(_slow_is_off_or_stated)
]
Burst = Annotated[int, Field(ge=0, le=1_000_000)]


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
        0.0,
        ge=0,
        le=1000,
        description="Milliseconds that the first event of a partition waits for others to share its chunk. "
        "With 0 they share it that came together or while the chunk before was acknowledged.",
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
    head_timeout: float = Field(
        10.0,
        gt=0,
        le=300,
        description="Seconds in which request line and headers must have arrived, from their first byte (else 408).",
    )
    connections: int = Field(
        15_000,
        ge=1,
        description=(
            "Connections that are open at once, as far as the limit of open files allows; beyond it the longest "
            "idle one is closed, and where none is idle the new one is answered 503."
        ),
    )
    received_bytes: int = Field(
        64 * 1024 * 1024,
        ge=1024 * 1024,
        description="Bytes of requests that are not answered yet, over all connections (else 503).",
    )
    header_bytes: int = Field(
        32 * 1024, ge=1024, description="Bytes that request line and headers may have together (else 431)."
    )
    keep_alive: int = Field(
        30, ge=1, description="Seconds after which a connection that is idle, or takes no answers, is closed."
    )
    stop_timeout: int = Field(
        20, ge=1, description="Seconds that running requests may take to end after SIGTERM."
    )
    spool: str = Field(
        "",
        description=(
            "Folder in which events wait on disk while Kafka is away, of this collector alone; unset: then they are "
            "answered 503."
        ),
    )
    spool_max_bytes: int = Field(
        1024 * 1024 * 1024,
        ge=1024 * 1024,
        description="Bytes that the file of the spool may have; beyond it requests are answered 503.",
    )
    script: str = Field(
        "",
        description=(
            "Folder of the built browser script: s.js, with s.js.gz and s.js.br beside it, and earlier versions as "
            "s.NAME.js; it is read once, at start. Unset: /s.js answers 404."
        ),
    )
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = Field(
        "",
        description=(
            "Networks of the proxies that are believed when they say who sent a request: addresses or CIDRs, "
            "comma separated. Without any, the client is the peer of the connection."
        ),
    )
    forwarded_header: Literal["x-forwarded-for", "forwarded"] = Field(
        "x-forwarded-for",
        description="The header that trusted proxies write: x-forwarded-for or forwarded. The other is not read.",
    )
    rate_per_address: EventsPerSecond = Field(
        0,
        description="Events per second that one client address (IPv6: its /64) may send for long; 0 is no limit.",
    )
    rate_per_address_burst: Burst = Field(
        0, description="Events that one client address may send at once; 0 is 10 seconds' worth, at least 50."
    )
    rate_per_website: EventsPerSecond = Field(
        0, description="Events per second that are taken for one website for long; 0 is no limit."
    )
    rate_per_website_burst: Burst = Field(
        0, description="Events that are taken for one website at once; 0 is 10 seconds' worth, at least 50."
    )
    rate_buckets: int = Field(
        100_000,
        ge=1000,
        description=(
            "Addresses, and as many websites, whose rate is remembered at once, about 500 bytes each; beyond it "
            "those that have not sent for longest are forgotten."
        ),
    )
    privacy_signals: PrivacySignals = Field(
        "ignore",
        description=(
            "What DNT: 1 and Sec-GPC: 1 do where websites.yaml does not say: 'ignore', or 'honor' to keep the event "
            "without visitor, session, city and region."
        ),
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

    def rate_limits(self) -> RateLimits:
        """The limits for websites that have none of their own."""
        return RateLimits(
            per_address=_limit(self.rate_per_address, self.rate_per_address_burst),
            per_website=_limit(self.rate_per_website, self.rate_per_website_burst),
        )


def _limit(per_second: float, burst: int) -> RateLimit | None:
    if not per_second:
        return None
    worth = min(max(_BURST_LEAST, math.ceil(per_second * _BURST_SECONDS)), 1_000_000)
    return RateLimit(per_second=per_second, burst=burst or worth)
