"""Who is calling, and what they may do: keys, websites, scopes. Pure.

A key stands as its SHA-256 at one website or several. All digests of a version of the file are in one dict
(`ListedWebsites.with_key`), so a request costs one hash and one look-up, however many websites there are. That look-up
need not take constant time: what is looked up is the digest of what was presented, and whoever times it learns at most
how the hash of a guess compares with stored hashes. That leads to no key: keys are 256 random bits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from eventrail.contract.names import WEBSITE_ID_RULE, is_website_id
from eventrail.websites import ListedWebsites, Website, Websites, keys
from eventrail.websites.model import Scope
from query_api.errors import Forbidden, Invalid, NotFound, Unauthorized, shown

OPERATE: Final = "operate"

_HOW = "send Authorization: Bearer and a key of websites.yaml"


class Grant(NamedTuple):
    """What a key may do at one website."""

    website: Website
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class Key:
    """A valid key: its digest, and its grants by website id, in the order of the file."""

    digest: bytes = field(repr=False)
    grants: Mapping[str, Grant]
    operates: bool


def key_of(digest: bytes, websites: ListedWebsites) -> Key | None:
    """What the key with this digest may do, None where it stands nowhere."""
    held = ((website, website.key(digest)) for website in websites.with_key(digest))
    grants = {website.id: Grant(website, key.scopes) for website, key in held if key is not None}
    operates = any(OPERATE in grant.scopes for grant in grants.values())
    return Key(digest, grants, operates) if grants else None


class Access:
    """What one request may do, over one version of the websites; `key` is None in an open stack only."""

    def __init__(self, websites: Websites, key: Key | None) -> None:
        self._websites = websites
        self.key = key

    def website(self, website_id: str, scope: Scope) -> Website:
        """The website, where the caller has `scope`. Raises Invalid for what is no id, NotFound, Forbidden."""
        if not is_website_id(website_id):
            raise Invalid(f"website_id must be {WEBSITE_ID_RULE}, not {shown(website_id)}", "website_id")
        grant = self._grant(website_id)
        if grant is None:
            raise NotFound(website_id)
        if self.key is not None and scope not in grant.scopes:
            raise Forbidden(scope, f"website {website_id!r}")
        return grant.website

    def _grant(self, website_id: str) -> Grant | None:
        if self.key is not None:
            return self.key.grants.get(website_id)
        website = self._websites.find(website_id)
        return None if website is None else Grant(website, frozenset())

    def operate(self) -> None:
        """Nothing, where the caller may look into the pipeline, which is that of all websites. Raises Forbidden."""
        if self.key is not None and not self.key.operates:
            raise Forbidden(OPERATE, "any website")

    def grants(self) -> Sequence[Grant]:
        """The websites of the key in the order of the file; none in an open stack, which knows none."""
        return () if self.key is None else tuple(self.key.grants.values())


class Door:
    """The rules for all requests. Use it from one thread: it keeps the keys that asked of the newest version."""

    def __init__(self, websites: Websites) -> None:
        self._websites = websites
        self._listed: ListedWebsites | None = None
        self._keys: dict[bytes, Key] = {}

    def access(self, authorization: Sequence[bytes]) -> Access:
        """What a request with these Authorization headers may do. Raises Unauthorized; never in an open stack."""
        websites = self._websites.snapshot()
        if not isinstance(websites, ListedWebsites):
            return Access(websites, None)
        if websites is not self._listed:
            self._keys, self._listed = {}, websites
        return Access(websites, self._key(keys.digest(_bearer(authorization)), websites))

    def _key(self, digest: bytes, websites: ListedWebsites) -> Key:
        known = self._keys.get(digest)
        if known is not None:
            return known
        found = key_of(digest, websites)
        if found is None:
            raise Unauthorized(f"the key in Authorization is not known here; {_HOW}", "invalid_token")
        self._keys[digest] = found
        return found


def _bearer(authorization: Sequence[bytes]) -> bytes:
    if len(authorization) > 1:
        raise Unauthorized("Authorization is given more than once, give it once", "invalid_token")
    scheme, _, token = (authorization[0] if authorization else b"").strip().partition(b" ")
    if scheme.lower() != b"bearer":
        raise Unauthorized(f"this needs a key: {_HOW}")
    if not token.strip():
        raise Unauthorized(f"Authorization has no key after Bearer; {_HOW}", "invalid_token")
    return token.strip()
