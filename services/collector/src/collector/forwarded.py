"""The headers in which proxies hand on who sent a request, read from the right.

Both are lists to which each proxy adds at the right end. So the right end is what the nearest proxy wrote,
and the left end is whatever the client liked to send: nothing on the left may change how the right is read.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

Nodes = Callable[[str], Iterator[str]]
"""Entries of a header's value, the last one first; "" for an empty one, UNKNOWN for one that names nobody."""

MAX_HOPS: Final = 32
"""Entries that are looked at; what lies left of them is one entry that names nobody."""

UNKNOWN: Final = "unknown"
"""RFC 7239, section 6.2: the sender is not known."""

_PAIR: Final = re.compile(
    r"""(?:[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=("(?:[^"\\]|\\.)*"|[^\s";,=]*))?[ \t]*(?:;|\Z)"""
)
_ESCAPED: Final = re.compile(r"\\(.)")


def x_forwarded_for(value: str) -> Iterator[str]:
    """Entries of X-Forwarded-For: a list of addresses, by custom and not by a standard."""
    return (entry.strip(" \t") for entry in reversed(value.rsplit(",", MAX_HOPS - 1)))


def forwarded(value: str) -> Iterator[str]:
    """The `for` of each element of Forwarded (RFC 7239), without quotes."""
    for element in _elements(value):
        yield _sender(element) if element.strip(" \t") else ""


HEADERS: Final[Mapping[str, Nodes]] = {"x-forwarded-for": x_forwarded_for, "forwarded": forwarded}
"""How each header that may be believed is read, by its name."""


def _elements(value: str) -> Iterator[str]:
    """Elements, the last one first; a comma within quotes does not part them.

    Quotes are paired from the right as well: one that a client left open cannot swallow what a proxy added.
    """
    end, quoted, found = len(value), False, 1
    for at in range(len(value) - 1, -1, -1):
        if value[at] == '"' and not _is_escaped(value, at):
            quoted = not quoted
        elif value[at] == "," and not quoted and found < MAX_HOPS:
            yield value[at + 1 : end]
            end, found = at, found + 1
    yield value[:end]


def _is_escaped(value: str, at: int) -> bool:
    before = value[:at] if at < 64 else value[at - 64 : at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _sender(element: str) -> str:
    sender, at = "", 0
    while at < len(element):
        pair = _PAIR.match(element, at)
        if pair is None:
            return UNKNOWN
        if pair[1] and pair[1].lower() == "for":
            if sender:
                return UNKNOWN  # named twice: no proxy does that
            sender = _unquoted(pair[2]) or UNKNOWN
        at = pair.end()
    return sender or UNKNOWN


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:-1]) if text.startswith('"') else text
