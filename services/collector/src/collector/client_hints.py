"""User agent client hints as they came with the request: kept as sent, understood by the enricher."""

from collections.abc import Iterable
from typing import Final

from eventrail.contract.v1.raw_pb2 import ClientHints

_PREFIX: Final = b"sec-ch-ua"
_FULL_LIST: Final = b"sec-ch-ua-full-version-list"
_FIELDS: Final = {
    b"sec-ch-ua": ("brands", 512),
    _FULL_LIST: ("brands", 512),
    b"sec-ch-ua-mobile": ("mobile", 2),
    b"sec-ch-ua-platform": ("platform", 64),
    b"sec-ch-ua-platform-version": ("platform_version", 64),
    b"sec-ch-ua-model": ("model", 128),
}
"""Field of the message by header, and the most characters that it may have (raw.proto)."""

NAMES: Final = frozenset(_FIELDS)
"""The headers that are read."""


def read(headers: Iterable[tuple[bytes, bytes]]) -> ClientHints | None:
    """The hints among `headers` (names in lower case), None without any.

    The list with full versions wins over the short one. What is longer than raw.proto allows, or no ASCII, is left
    out: half a structured field has no meaning (RFC 8941).
    """
    sent: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        if name.startswith(_PREFIX) and name in _FIELDS:
            sent.setdefault(name, []).append(value)
    return _message(sent) if sent else None


def _message(sent: dict[bytes, list[bytes]]) -> ClientHints | None:
    found: dict[str, str] = {}
    for name in sorted(sent, key=_FULL_LIST.__eq__):  # the full list last: it replaces the short one
        field, most = _FIELDS[name]
        value = b", ".join(sent[name]).strip()
        if 0 < len(value) <= most and value.isascii():
            found[field] = value.decode()
    return ClientHints(**found) if found else None
