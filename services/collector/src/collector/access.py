"""Who may send: the website must be known, the page's origin allowed, and a key right where one is shown."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from ipaddress import IPv6Address, ip_address
from typing import Final, NamedTuple

from collector import privacy
from collector.client_address import Address
from collector.limits import USER_AGENT_MAX_CHARACTERS
from collector.refusals import Refused, invalid
from eventrail.websites import OpenWebsites, RateLimits, Website, Websites, keys
from eventrail.websites.model import PrivacySignals

SEND: Final = "send"
ON_BEHALF: Final = ("client_ip", "user_agent")
"""Fields of a member that only a server key gives a meaning."""

_ADDRESS_CHARACTERS: Final = 64
_REMEMBERED: Final = 4096
_REMEMBERED_CHARACTERS: Final = 256


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows of its sender: the headers Origin and Authorization, None where absent.

    `opted_out` is True where it carries DNT or Sec-GPC.
    """

    origin: str | None = None
    authorization: bytes | None = None
    opted_out: bool = False


NOTHING_SHOWN: Final = Shown()
AUTHORIZATION: Final = b"authorization"
SHOWING: Final = frozenset((b"origin", AUTHORIZATION, *privacy.NAMES))
"""The headers that `shown` reads."""


def shown(headers: Iterable[tuple[bytes, bytes]]) -> Shown:
    """What the headers of a request show; names are in lower case. A header that stands twice fits nothing."""
    found = [header for header in headers if header[0] in SHOWING]
    if not found:
        return NOTHING_SHOWN
    origins = [value for name, value in found if name == b"origin"]
    keys_shown = [value for name, value in found if name == AUTHORIZATION]
    return Shown(
        b", ".join(origins).decode("latin-1") if origins else None,
        b", ".join(keys_shown) if keys_shown else None,
        any(privacy.is_signal(name, value) for name, value in found),
    )


@dataclass(frozen=True, slots=True)
class Grant:
    """A website that takes events of this request; `by_key` with a server key, `withhold` without visitors.

    `rate_limits` are the website's own, None where it has none.
    """

    website: Website
    by_key: bool
    withhold: bool
    rate_limits: RateLimits | None = None


class Door:
    """The rules for all requests: the websites, and what privacy signals do where a website does not say."""

    def __init__(self, websites: Websites | None = None, privacy_signals: PrivacySignals = "ignore") -> None:
        self._websites = websites or OpenWebsites()
        self._privacy_signals = privacy_signals
        self._granting = self._of(self._websites.snapshot())

    def access(self, shown: Shown) -> "Access":
        """The rules for one request, over one version of the websites."""
        websites = self._websites.snapshot()
        if websites is not self._granting.websites:
            self._granting = self._of(websites)
        return Access(self._granting, shown)

    def _of(self, websites: Websites) -> "_Granting":
        judge = partial(_granted, websites, self._privacy_signals)
        return _Granting(websites, judge, lru_cache(_REMEMBERED)(judge))


_Judge = Callable[[str, str | None, bool], Grant]
"""A website's grant to requests without a key: its id, their origin, whether they carry a privacy signal."""


class _Granting(NamedTuple):
    """One version of the websites, and its grants: `remembered` gives those of `judge`."""

    websites: Websites
    judge: _Judge
    remembered: _Judge


class Access:
    """What one request may send; judges each key once for each website."""

    def __init__(self, granting: _Granting, shown: Shown) -> None:
        self._granting = granting
        self._shown = shown
        self._digest: bytes | None = None
        self._grants: dict[str, Grant] = {}

    def grant(self, website_id: str) -> Grant:
        """The grant for a website. Raises Refused: not_found, origin_not_allowed or invalid_key."""
        found = self._grants.get(website_id)
        if found is None:
            found = self._grants[website_id] = self._find(website_id)
        return found

    def _find(self, website_id: str) -> Grant:
        shown = self._shown
        is_short = len(shown.origin or "") <= _REMEMBERED_CHARACTERS
        granting = self._granting.remembered if is_short else self._granting.judge
        grant = granting(website_id, shown.origin, shown.opted_out)
        return replace(grant, by_key=True) if self._by_key(grant.website) else grant

    def _by_key(self, website: Website) -> bool:
        if self._shown.authorization is None or self._granting.websites.open:
            return False
        if self._digest is None:
            self._digest = keys.digest(_bearer(self._shown.authorization))
        key = website.key(self._digest)
        if key is None:
            raise Refused("invalid_key", f"the key in Authorization is no server key of {website.id}")
        if SEND not in key.scopes:
            raise Refused("invalid_key", f"the server key {key.id!r} of {website.id} has no scope {SEND!r}")
        return True


def _granted(
    websites: Websites,
    privacy_signals: PrivacySignals,
    website_id: str,
    origin: str | None,
    opted_out: bool,  # noqa: FBT001
) -> Grant:
    website = websites.find(website_id)
    if website is None:
        raise Refused("not_found", f"Unknown website_id: {website_id}", "website_id", names_field=True)
    if origin is not None and not website.allows_origin(origin):
        raise Refused("origin_not_allowed", f"pages of {origin[:255]} may not send for {website_id}")
    withhold = opted_out and privacy.honors(website.privacy_signals or privacy_signals)
    own = website.rate_limits
    rates = own if own.per_address or own.per_website else None
    return Grant(website, by_key=False, withhold=withhold, rate_limits=rates)


def _bearer(authorization: bytes) -> bytes:
    scheme, _, token = authorization.strip().partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise Refused("invalid_key", "Authorization must be: Bearer, a space, and a server key")
    return token.strip()


def said_on_behalf(client_ip: str, user_agent: str) -> Iterable[str]:
    """Names of the fields that were sent; "" means absent."""
    return (name for name, value in zip(ON_BEHALF, (client_ip, user_agent), strict=True) if value)


def address_of(client_ip: str) -> Address:
    """An address as text: IPv4, IPv6, or IPv4 mapped into it, which becomes IPv4; a zone is dropped.

    Raises Refused where it is none; the message never shows it.
    """
    text = client_ip.strip()
    try:
        address = ip_address(text.partition("%")[0] if len(text) <= _ADDRESS_CHARACTERS else "")
    except ValueError:
        raise invalid(
            "must be an IPv4 or IPv6 address such as 203.0.113.7 or 2001:db8::1, without a port", "client_ip"
        ) from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def agent_of(user_agent: str) -> str:
    """A visitor's User-Agent as sent on its behalf. Raises Refused where it is too long."""
    if len(user_agent) > USER_AGENT_MAX_CHARACTERS:
        raise invalid(
            f"has {len(user_agent):,} characters, but at most {USER_AGENT_MAX_CHARACTERS:,} are taken",
            "user_agent",
        )
    return user_agent
