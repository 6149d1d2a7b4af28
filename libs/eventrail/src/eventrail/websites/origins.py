"""Which origins may send for a website: exact ones, and `https://*.example.com` for all below a name."""

import re
from typing import Final

from eventrail.websites import domains

_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#@:\[\]]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?")
_BELOW = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_NULL: Final = "null"


def canonical(text: str) -> str:
    """An allowed origin as browsers would write it (RFC 6454, section 6.1), `*.` kept in front of the host.

    Raises ValueError that says what is wrong with it.
    """
    if text == _NULL:
        return text
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        raise ValueError(
            "must be an origin such as https://shop.example or https://*.shop.example "
            '(scheme, host, port; no path), or "null"'
        )
    scheme, host, port = found.groups()
    star = "*." if host.startswith("*.") else ""
    name = host if host.startswith("[") else domains.canonical(host.removeprefix("*."))
    return f"{scheme}://{star}{name}{_port(scheme, port)}"


def _port(scheme: str, port: str | None) -> str:
    if port is None or port == _DEFAULT_PORTS.get(scheme):
        return ""
    if not 1 <= int(port) <= 65_535:
        raise ValueError("the port must be 1 to 65535")
    return f":{int(port)}"


def fits(origin: str, allowed: tuple[str, ...]) -> bool:
    """Whether `origin`, the text of an Origin header, is one of `allowed` (each in canonical form)."""
    given = origin.lower()
    return given in allowed or any(_is_below(given, pattern) for pattern in allowed if "://*." in pattern)


def _is_below(origin: str, pattern: str) -> bool:
    start, _, end = pattern.partition("*")
    if not (origin.startswith(start) and origin.endswith(end)):
        return False
    return _BELOW.fullmatch(origin[len(start) : len(origin) - len(end)]) is not None
