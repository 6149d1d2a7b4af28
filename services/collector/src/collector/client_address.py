"""Whose address a request comes from."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from collector.forwarded import HEADERS
from collector.trusted_proxies import Network

Address = IPv4Address | IPv6Address

_REMEMBERED: Final = 4096
_REMEMBERED_BYTES: Final = 256
"""A longer header is read each time, so that what is remembered stays below 2 MiB or so."""

_NODE_MAX_CHARACTERS: Final = 128
_NODE: Final = re.compile(
    r"(?:\[([^\[\]]*:[^\[\]]*)\]|([^\[\]:]+))(?::(?:[0-9]{1,5}|_[0-9A-Za-z._-]+))?|([^\[\]]+)"
)


@lru_cache(maxsize=_REMEMBERED)
def peer_address(host: str | None) -> Address | None:
    """The socket's peer as an address, None for a Unix socket or text that is no address.

    An IPv6 zone (`%eth0`) is dropped, and an IPv4 address mapped into IPv6 (RFC 4291, 2.5.5.2) becomes
    IPv4 again, so that one client has one address however the listener is bound.
    """
    return _address(host or "")


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))


def node_address(node: str) -> Address | None:
    """The address in an entry that a proxy wrote, None where there is none.

    Taken are IPv4 and IPv6, bare or in brackets, with or without a port and a zone (RFC 7239, section 6,
    and what proxies write into X-Forwarded-For).
    """
    found = _NODE.fullmatch(node) if len(node) <= _NODE_MAX_CHARACTERS else None
    return _address(found[1] or found[2] or found[3]) if found else None


class ClientAddresses:
    """Finds the client of a request behind the proxies that are trusted.

    `header` is the one header that is believed, a key of `forwarded.HEADERS`; the other one is never read:
    a proxy that writes one of them hands on the other as the client sent it.
    """

    def __init__(self, trusted: Sequence[Network] = (), header: str = "x-forwarded-for") -> None:
        self._networks = tuple(trusted)
        self.header = header.encode()
        self._nodes = HEADERS[header]
        self._peer: Callable[[str | None], tuple[Address | None, bool]] = lru_cache(_REMEMBERED)(
            self._look_at_peer
        )
        self._known: Callable[[str | None, bytes], Address | None] = lru_cache(_REMEMBERED)(self._walk)

    def of(self, host: str | None, headers: Iterable[tuple[bytes, bytes]]) -> Address | None:
        """The client's address, None where it is not known.

        `host` is the socket's peer; `headers` have lower case names, in the order they came. An untrusted peer
        is the client. Else it is the right-most address in the header that is not trusted itself; where all
        are trusted, the left-most of them; the peer where the header is absent or empty. An entry that names no
        address ends the search: what is left of it was not written by a trusted proxy, so nobody knows.
        """
        lines = [value for name, value in headers if name == self.header]
        return self.behind(host, b",".join(lines) if lines else None)

    def behind(self, host: str | None, value: bytes | None) -> Address | None:
        """As `of`, where `value` is that of `header`, its lines joined with commas, None where it is absent."""
        address, trusted = self._peer(host)
        if not trusted or value is None:
            return address
        return (self._known if len(value) <= _REMEMBERED_BYTES else self._walk)(host, value)

    def _look_at_peer(self, host: str | None) -> tuple[Address | None, bool]:
        address = peer_address(host)
        return address, address is not None and self._trusts(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _walk(self, host: str | None, value: bytes) -> Address | None:
        farthest = peer_address(host)
        for node in filter(None, self._nodes(value.decode("latin-1"))):
            address = node_address(node)
            if address is None or not self._trusts(address):
                return address
            farthest = address
        return farthest
