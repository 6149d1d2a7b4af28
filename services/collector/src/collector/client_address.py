"""Whose address a request comes from."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address


@lru_cache(maxsize=4096)
def peer_address(host: str | None) -> Address | None:
    """The socket's peer as an address, None for a Unix socket or text that is no address.

    An IPv6 zone (`%eth0`) is dropped, and an IPv4 address mapped into IPv6 (RFC 4291, 2.5.5.2) becomes
    IPv4 again, so that one client has one address however the listener is bound.
    """
    try:
        address = ip_address((host or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
