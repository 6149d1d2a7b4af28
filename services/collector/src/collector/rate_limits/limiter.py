"""Which buckets an event is counted in, and what the sender is told about them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from collector.client_address import Address
from collector.refusals import Refused
from eventrail.rate_limits.bucket import Bucket
from eventrail.rate_limits.buckets import Buckets
from eventrail.rate_limits.fields import Standing, standing
from eventrail.websites import RateLimit, RateLimits

ADDRESS: Final = "address"
WEBSITE: Final = "website"

_IPV6_SITE_BYTES: Final = 8
"""The network of one IPv6 subscriber: the 64 bits right of it are the client's own choice (RFC 4291, 2.5.4)."""


@dataclass(slots=True)
class _Quota:
    """One bucket as one request sees it; `refused` counts the members that it had no token for."""

    name: str
    key: bytes
    rate: RateLimit
    bucket: Bucket
    buckets: Buckets
    refused: int = 0

    def wait(self, now: float) -> int:
        """Whole seconds until there are tokens for what was refused, at least 1."""
        return max(1, ceil(self.bucket.wait(self.rate, now, self.refused)))

    def message(self, now: float) -> str:
        rate = self.rate
        split = f", at most {rate.burst:,} at once" if self.refused > rate.burst else ""
        return (
            f"more events than the limit per {self.name} lets through ({rate.per_second:g} a second, "
            f"{rate.burst:,} at once); send it again in {self.wait(now):,} s{split}"
        )

    def standing(self, now: float) -> Standing:
        return standing(self.name, self.rate, self.bucket, now)


@dataclass(slots=True)
class Allowance:
    """The limits as one request meets them: all its members are judged at `now`."""

    limiter: "RateLimiter"
    address: Address | None
    now: float
    _quotas: dict[bytes, _Quota] = field(default_factory=dict)
    _of_website: dict[str, tuple[_Quota, ...]] = field(default_factory=dict)

    @property
    def limits(self) -> bool:
        """Whether the sender has met a limit, or would meet one with any website."""
        return bool(self._quotas) or self.limiter.rates.per_address is not None

    def concerns(self, own: RateLimits | None) -> bool:
        """Whether events of a website with these rates of its `own` have to be counted at all."""
        return own is not None or not self.limiter.unlimited

    def admit(self, website_id: str, own: RateLimits | None = None, *, by_key: bool = False) -> None:
        """Count one event of a website; `own` are the website's rates, which win over the general ones.

        What comes with a server key (`by_key`) is not counted by address: a server sends for many visitors.
        Raises Refused (rate_limited) where one of its buckets is empty, and then takes nothing from the other one.
        """
        quotas = self._of_website.get(website_id)
        if quotas is None:
            quotas = self._of_website[website_id] = self._find(website_id, own or RateLimits(), by_key=by_key)
        short = [quota for quota in quotas if quota.bucket.wait(quota.rate, self.now, 1)]
        for quota in short:
            quota.refused += 1
        if short:
            longest = max(short, key=lambda quota: quota.wait(self.now))
            raise Refused("rate_limited", longest.message(self.now))
        for quota in quotas:
            quota.bucket.take(quota.rate, self.now)
            quota.buckets.keep(quota.key, quota.bucket, self.now)

    def retry_after(self, now: float) -> int:
        """Whole seconds after which what was refused can be sent again, at least 1."""
        return max((quota.wait(now) for quota in self._quotas.values() if quota.refused), default=1)

    def refused(self) -> Iterator[tuple[str, int]]:
        """Each kind of limit that refused members, with how many."""
        return ((quota.name, quota.refused) for quota in self._quotas.values() if quota.refused)

    def standings(self, now: float) -> list[Standing]:
        """Where the sender stands: for each kind of limit that it met, the bucket that has least left."""
        if not self._quotas:
            self._address_quota(None, b"")
        found: dict[str, Standing] = {}
        for quota in self._quotas.values():
            here = quota.standing(now)
            if here.name not in found or here.left < found[here.name].left:
                found[here.name] = here
        return list(found.values())

    def _find(self, website_id: str, own: RateLimits, *, by_key: bool) -> tuple[_Quota, ...]:
        website = website_id.encode()
        found = (
            None if by_key else self._address_quota(own.per_address, website),
            self._website_quota(own.per_website, website),
        )
        return tuple(quota for quota in found if quota is not None)

    def _address_quota(self, own: RateLimit | None, website: bytes) -> _Quota | None:
        # A website's own rate has buckets of its own: what an address sends to others doesn't count there.
        rate = own or self.limiter.rates.per_address
        if rate is None:
            return None
        key = (b"" if own is None else website) + b"\0" + _network(self.address)
        return self._quota(ADDRESS, key, rate, self.limiter.addresses)

    def _website_quota(self, own: RateLimit | None, website: bytes) -> _Quota | None:
        rate = own or self.limiter.rates.per_website
        return None if rate is None else self._quota(WEBSITE, website, rate, self.limiter.websites)

    def _quota(self, name: str, key: bytes, rate: RateLimit, buckets: Buckets) -> _Quota:
        place = name.encode() + b"\0" + key
        if place not in self._quotas:
            self._quotas[place] = _Quota(name, key, rate, buckets.find(key), buckets)
        return self._quotas[place]


class RateLimiter:
    """The buckets of a process: at most `most` of addresses, and as many of websites."""

    def __init__(self, rates: RateLimits, most: int) -> None:
        self.rates = rates
        self.unlimited = rates.per_address is None and rates.per_website is None
        """Whether only websites with rates of their own have limits."""
        self.addresses = Buckets(most)
        self.websites = Buckets(most)

    def request(self, address: Address | None, now: float) -> Allowance:
        """The limits for one request at `now`, in seconds of a clock that never goes back.

        IPv6 clients are counted by their /64. All those whose address is not known share one bucket.
        """
        return Allowance(self, address, now)


def _network(address: Address | None) -> bytes:
    if address is None:
        return b""
    return address.packed if address.version == 4 else address.packed[:_IPV6_SITE_BYTES]
