"""What is known of a website: one entry of `websites.yaml`."""

from functools import cached_property
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from eventrail.contract.names import WEBSITE_ID_RULE, is_website_id
from eventrail.websites import domains, keys, origins

Scope = Literal["send", "read", "export", "erase", "operate"]
"""What a server key may do: send on behalf of visitors, read answers, export, erase, look into the pipeline."""

PrivacySignals = Literal["honor", "ignore"]
"""What DNT and Sec-GPC headers do: "honor" keeps the event without visitor, session, city and region."""

MAX_RATE: Final = 1_000_000.0


def _website_id(text: str) -> str:
    if not is_website_id(text):
        raise ValueError(f"must be {WEBSITE_ID_RULE}")
    return text


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, OSError, ValueError):
        raise ValueError("is no time zone of the IANA database; write it like Europe/Berlin") from None
    return text


def _hash(text: str) -> str:
    # The value stays out of the message: somebody may have put the key itself there.
    if not keys.is_hash(text):
        raise ValueError(
            "must be sha256: and 64 hexadecimal digits in lower case; "
            "`python -m eventrail websites key` makes a key with its hash"
        )
    return text


Domain = Annotated[str, AfterValidator(domains.canonical)]
Origin = Annotated[str, AfterValidator(origins.canonical)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Days = Annotated[StrictInt, Field(ge=1, le=36_500)]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RateLimit(_Entry):
    """A token bucket counted in events: `per_second` flow in, at most `burst` are held."""

    per_second: float = Field(ge=0.001, le=MAX_RATE, strict=True, allow_inf_nan=False)
    burst: StrictInt = Field(ge=1, le=int(MAX_RATE))


class RateLimits(_Entry):
    """Limits of one website; None means what the collector's own settings say."""

    per_address: RateLimit | None = None
    per_website: RateLimit | None = None


class ServerKey(_Entry):
    """A key by its hash; `id` is the name by which people tell keys apart."""

    id: Label
    hash: Annotated[str, AfterValidator(_hash)] = Field(repr=False)
    scopes: frozenset[Scope] = Field(frozenset({"send"}), min_length=1)

    @cached_property
    def digest(self) -> bytes:
        """The 32 bytes of the hash."""
        return bytes.fromhex(self.hash.partition(":")[2])


class Website(_Entry):
    """A website: its domains (first the main one) in lower case and punycode, and what holds for its events.

    `allowed_origins` None means any origin, an empty tuple none; `privacy_signals` None what the collector's
    setting says. `domains` is empty in an open stack only.
    """

    id: Annotated[str, AfterValidator(_website_id)]
    name: str = Field(min_length=1, max_length=255)
    domains: tuple[Domain, ...] = Field(min_length=1)
    timezone: Timezone = "UTC"
    allowed_origins: tuple[Origin, ...] | None = None
    server_keys: tuple[ServerKey, ...] = ()
    rate_limits: RateLimits = RateLimits()
    privacy_signals: PrivacySignals | None = None
    exclude_headless: StrictBool = False
    retention_days: Days | None = None

    @model_validator(mode="after")
    def _keys_once(self) -> "Website":
        for name in ("id", "hash"):
            values = [getattr(key, name) for key in self.server_keys]
            if len(set(values)) != len(values):
                raise ValueError(f"two of its server_keys have the same {name}")
        return self

    @property
    def main_domain(self) -> str:
        """The first domain; "" in an open stack."""
        return self.domains[0] if self.domains else ""

    def allows_origin(self, origin: str) -> bool:
        """Whether a request with this Origin header may send here."""
        return self.allowed_origins is None or origins.fits(origin, self.allowed_origins)

    def key(self, presented: bytes) -> ServerKey | None:
        """The server key with the digest `presented` (`keys.digest`), in constant time; None where there is none."""
        return keys.matching(presented, self.server_keys)


class Defaults(_Entry):
    """What holds for websites that do not say themselves."""

    timezone: Timezone = "UTC"
    rate_limits: RateLimits = RateLimits()
    privacy_signals: PrivacySignals | None = None
    exclude_headless: StrictBool = False
    retention_days: Days | None = None


class Document(_Entry):
    """The whole file."""

    defaults: Defaults = Defaults()
    websites: tuple[Website, ...]

    def filled(self) -> tuple[Website, ...]:
        """The websites with the defaults where they say nothing themselves; rate limits one by one."""
        return tuple(_filled(website, self.defaults) for website in self.websites)


def _filled(website: Website, defaults: Defaults) -> Website:
    names = (name for name in Defaults.model_fields if name not in website.model_fields_set)
    update: dict[str, object] = {name: getattr(defaults, name) for name in names}
    if "rate_limits" in website.model_fields_set:
        own, general = website.rate_limits, defaults.rate_limits
        missing = {name: getattr(general, name) for name in RateLimits.model_fields if not getattr(own, name)}
        update["rate_limits"] = own.model_copy(update=missing)
    return website.model_copy(update=update)
