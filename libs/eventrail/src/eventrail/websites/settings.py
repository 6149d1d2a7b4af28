"""Where the websites come from."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from eventrail.settings import Settings


class WebsitesSettings(Settings):
    """Variables start with EVENTRAIL_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_")

    websites: str = Field(
        "",
        description=(
            "Path of websites.yaml, read again when it changes (docs/websites.md). Without it the stack is open: "
            "any website id is taken, and there are no keys."
        ),
    )
    require_websites: bool = Field(
        default=False,
        description=(
            "true ends a service at its start, with status 2, where EVENTRAIL_WEBSITES is not set: for production, "
            "where a forgotten setting must not open everything."
        ),
    )
