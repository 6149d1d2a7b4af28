"""A URL in parts, for whatever text a client sends; it never raises."""

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final

import idna

MAX_CHARACTERS: Final = 2048
"""What the contract allows for a url."""

_MAX_PORT: Final = 65_535

# RFC 3986 appendix B, with control characters kept out of every part. Browsers take a backslash for a slash,
# so what would stand behind one is not the host that they went to.
_URL: Final = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?"
    r"(?://([^/?#\\\x00-\x20\x7f]*))?"
    r"(/[^?#\x00-\x1f\x7f]*)?"
    r"(?:\?([^#\x00-\x1f\x7f]*))?"
    r"(?:#[^\x00-\x1f\x7f]*)?"
)
# Nearly every url begins so, and then nothing of that is left to be checked or changed.
_USUAL: Final = re.compile(r"(https?)://([a-z0-9-]+(?:\.[a-z0-9-]+)*)")
# The WHATWG URL standard's forbidden host code points stay out; an IPv6 host stands in brackets.
_NAME: Final = r"""[^\[\]:<>^|%"`{}/?#@\\\x00-\x20\x7f]*"""
_HOST_AND_PORT: Final = re.compile(rf"(\[[0-9A-Fa-f:.]+\]|{_NAME})(?::([0-9]{{0,5}}))?")
_ONLY_NAME: Final = re.compile(_NAME)
_MAX_HOST: Final = 253
_MAX_LABEL: Final = 63
_AFTER_SCHEME: Final = len("https://")


@dataclass(slots=True)
class UrlParts:
    """A URL taken apart, not to be changed: `scheme` and `host` in lower case; each is "" where the URL has none.

    `host` is in punycode and has no port, no credentials and no final dot; IPv4 addresses are as sent, IPv6
    addresses in brackets and in their shortest form (RFC 5952). `path` begins with "/", `query` has no "?".
    `authority` is the text between "//" and the path as sent, None where there is no "//".
    """

    scheme: str
    authority: str | None
    host: str
    path: str
    query: str


def split(url: str) -> UrlParts | None:
    """The parts of an absolute, protocol-relative or path-only `url`; None for anything else.

    Anything else: more than 2,048 characters, control characters, a broken host or port, `http` without
    a host, a scheme without "//" or "/" (`mailto:`, `about:`), a path that does not begin with "/", "".
    """
    return (_split_usual(url) or _split_any(url)) if 0 < len(url) <= MAX_CHARACTERS else None


def _split_usual(url: str) -> UrlParts | None:
    """The parts where scheme and host are of the usual form and a path of printable characters follows them.

    None decides nothing. Pages are many, and websites are few: their beginnings are remembered.
    """
    end = url.find("/", _AFTER_SCHEME)
    begin = _usual_begin(url[:end]) if end > 0 else None
    if begin is None:
        return None
    rest = url[end:]
    if "#" in rest or not rest.isprintable():
        return None
    path, _, query = rest.partition("?")
    return UrlParts(*begin, path, query)


@lru_cache(maxsize=1024)
def _usual_begin(text: str) -> tuple[str, str, str] | None:
    """Scheme, authority and host."""
    found = _USUAL.fullmatch(text)
    return (found[1], found[2], found[2]) if found is not None else None


@lru_cache(maxsize=1024)
def _split_any(url: str) -> UrlParts | None:
    found = _URL.fullmatch(url)
    if found is None:
        return None
    scheme, authority, path, query = found.groups()
    host = _host(authority) if authority else ""
    if host is None or (not host and _needs_host(scheme)) or (scheme and authority is None and not path):
        return None
    return UrlParts((scheme or "").lower(), authority, host, path or "/", query or "")


@lru_cache(maxsize=1024)
def _host(authority: str) -> str | None:
    found = _HOST_AND_PORT.fullmatch(authority.rpartition("@")[2])
    if found is None or int(found[2] or 0) > _MAX_PORT:
        return None
    host: str = found[1]
    if host.startswith("["):
        return _ipv6(host)
    return (host.lower() if host.isascii() else _punycode(host)).rstrip(".")


def _ipv6(host: str) -> str | None:
    with suppress(ValueError):
        return f"[{IPv6Address(host[1:-1])}]"
    return None


def _punycode(host: str) -> str:
    """UTS 46 mapping and punycode (RFC 3492), as browsers do it; "" for what can be no host name.

    Not IDNA 2008's own encoding: it refuses names that browsers go to, such as those with emoji.
    """
    if len(host) > _MAX_HOST:
        return ""
    with suppress(idna.IDNAError):
        mapped = idna.uts46_remap(host, std3_rules=False, transitional=False)
        labels = [_ascii_label(label) for label in mapped.split(".")]
        if _ONLY_NAME.fullmatch(mapped) and all(len(label) <= _MAX_LABEL for label in labels):
            return ".".join(labels)
    return ""


def _ascii_label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"


def _needs_host(scheme: str | None) -> bool:
    return scheme is not None and scheme.lower() in ("http", "https")
