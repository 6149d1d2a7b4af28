"""Who sends a request, out of its headers: browsers say the same again and again, so what was read is remembered.

A key is never remembered, and nothing that is long: what is kept stays below 8 MiB or so.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from collector import access, client_hints, limits
from collector.access import Shown
from collector.client_address import Address
from collector.intake import Client
from eventrail.contract.v1.raw_pb2 import ClientHints

_AGENT: Final = b"user-agent"
_ORIGIN: Final = b"origin"
_BROWSER: Final = frozenset((_AGENT, *client_hints.NAMES))
_REMEMBERED: Final = 4096
_REMEMBERED_BYTES: Final = 1024

Header = tuple[bytes, bytes]


def client(address: Address | None, headers: Iterable[Header]) -> Client:
    """The sender at `address` as the headers of its request (names in lower case) show it."""
    browser = tuple([header for header in headers if header[0] in _BROWSER])
    is_short = sum([len(value) for _, value in browser]) <= _REMEMBERED_BYTES
    agent, hints = (_known_browser if is_short else _browser)(browser)
    return Client(
        address, agent, _shown([header for header in headers if header[0] in access.SHOWING]), hints
    )


def _browser(headers: tuple[Header, ...]) -> tuple[str, ClientHints | None]:
    agents = (value for name, value in headers if name == _AGENT)
    return limits.user_agent(agents), client_hints.read(headers)


def _shown(headers: Sequence[Header]) -> Shown:
    if len(headers) == 1 and headers[0][0] == _ORIGIN and len(headers[0][1]) <= _REMEMBERED_BYTES:
        return _known_origin(headers[0])
    return access.shown(headers)


def _only(header: Header) -> Shown:
    return access.shown((header,))


_known_browser = lru_cache(_REMEMBERED)(_browser)
_known_origin = lru_cache(_REMEMBERED)(_only)
