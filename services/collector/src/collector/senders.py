"""Who sends a request, out of its headers: browsers say the same again and again, so what was read is remembered.

A key is never remembered, and nothing that is long: what is kept stays below 8 MiB or so.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from collector import access, client_hints, limits
from collector.access import Shown
from collector.client_address import Address
from collector.intake import Client
from eventrail.contract.v1.raw_pb2 import ClientHints

_AGENT: Final = b"user-agent"
_ORIGIN: Final = b"origin"
_BROWSER: Final = (_AGENT, *client_hints.NAMES)
_BUT_ORIGIN: Final = access.SHOWING - {_ORIGIN}
_REMEMBERED: Final = 4096
_REMEMBERED_BYTES: Final = 1024

Header = tuple[bytes, bytes]


def exact(address: Address | None, headers: Iterable[Header]) -> Client:
    """The sender at `address` as the headers of its request (names in lower case) show it."""
    agents = (value for name, value in headers if name == _AGENT)
    return Client(address, limits.user_agent(agents), access.shown(headers), client_hints.read(headers))


def known(address: Address | None, headers: Mapping[bytes, bytes]) -> Client:
    """The same where each header is there once."""
    browser = tuple(map(headers.get, _BROWSER))
    is_short = sum(map(len, filter(None, browser))) <= _REMEMBERED_BYTES
    agent, hints = (_known_browser if is_short else _browser)(browser)
    return Client(address, agent, _shown(headers), hints)


def _browser(values: tuple[bytes | None, ...]) -> tuple[str, ClientHints | None]:
    headers = [(name, value) for name, value in zip(_BROWSER, values, strict=True) if value is not None]
    agents = [value for name, value in headers if name == _AGENT]
    return limits.user_agent(agents), client_hints.read(headers)


def _shown(headers: Mapping[bytes, bytes]) -> Shown:
    if not _BUT_ORIGIN.isdisjoint(headers):
        return access.shown(headers.items())
    origin = headers.get(_ORIGIN)
    if origin is None:
        return access.NOTHING_SHOWN
    return (_known_page if len(origin) <= _REMEMBERED_BYTES else _page)(origin)


def _page(origin: bytes) -> Shown:
    return access.shown(((_ORIGIN, origin),))


_known_browser = lru_cache(_REMEMBERED)(_browser)
_known_page = lru_cache(_REMEMBERED)(_page)
