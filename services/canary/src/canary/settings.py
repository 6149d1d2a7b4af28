"""What may be set for the canary."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from eventrail.settings import Listen, Settings, SharedSettings

Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+[^\s?#]*$")]
"""Text `http(s)://HOST[:PORT][/PATH]`."""


class CanarySettings(Settings):
    """The canary's own settings; variables start with EVENTRAIL_CANARY_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_CANARY_")

    listen: Listen = Field("127.0.0.1:8405", description="Where /livez, /readyz and /metrics are served.")
    collector_url: Url = Field(
        "http://127.0.0.1:8400", description="The collector as clients reach it, its public address."
    )
    query_api_url: Url = Field("http://127.0.0.1:8401", description="The query API as its users reach it.")
    website: str = Field(
        "canary",
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="Website that the events are of; one of its own, with few retention_days.",
    )
    key: str = Field(
        "", repr=False, description="Key with the scope `read` at that website; none for an open stack."
    )
    interval_seconds: float = Field(10.0, ge=1, le=3600, description="Seconds from one event to the next.")
    look_seconds: float = Field(
        1.0, ge=0.2, le=60, description="Seconds from one look at the answers to the next."
    )
    patience_seconds: float = Field(
        60.0, gt=0, le=3600, description="Seconds after which an accepted event without an answer is missing."
    )
    request_seconds: float = Field(10.0, gt=0, le=300, description="Seconds that one request may take.")


ALL = (CanarySettings, SharedSettings)
"""Everything that the process reads, for `--help`."""
