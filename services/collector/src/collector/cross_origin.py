"""Cross-origin requests (Fetch standard, section "HTTP extensions"): any page may send and read its answer.

Which origins a website takes events from is `access`'s to judge: a preflight names no website, and a page that is
refused shall be able to read why. So every answer mirrors the origin, errors of the framework included.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from starlette.types import Message, Scope, Send

from collector.answers import lines

Headers = list[tuple[bytes, bytes]]

PRIVATE: Final = frozenset(("/metrics", "/livez", "/readyz"))
"""Paths for operators, which no page of another origin shall read."""

METHODS: Final = b"POST, OPTIONS"
MAX_AGE_SECONDS: Final = 86_400
EXPOSED: Final = b"Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate"

_ORIGIN = re.compile(rb"[\x21-\x7e]{1,512}")
_TOKENS = re.compile(
    rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}){0,63}"
)
_USUAL_HEADERS: Final = b"content-type, content-encoding, authorization"
_ANY_ANSWER: Final[Headers] = [
    (b"access-control-allow-credentials", b"true"),
    (b"access-control-expose-headers", EXPOSED),
    (b"vary", b"Origin"),
]


def origin_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The Origin header's value, None where there is none (names are in lower case)."""
    for name, value in headers:
        if name == b"origin":
            return value
    return None


def answer_headers(origin: bytes | None) -> Headers:
    """What an answer to a request from `origin` carries; nothing where there is none, or no browser wrote it."""
    if origin is None or not _ORIGIN.fullmatch(origin):
        return []
    return [(b"access-control-allow-origin", origin), *_ANY_ANSWER]


def answer_lines(origin: bytes | None) -> bytes:
    """`answer_headers` as they look on the wire."""
    if origin is None:
        return b""
    return (_known_lines if len(origin) <= _REMEMBERED_BYTES else _lines)(origin)


def _lines(origin: bytes) -> bytes:
    return lines(answer_headers(origin))


_known_lines = lru_cache(4096)(_lines)
_REMEMBERED_BYTES: Final = 256


def mirroring(send: Send, origin: bytes) -> Send:
    """`send`, with the headers for `origin` on the answer."""
    added = answer_headers(origin)

    async def mirrored(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *added]
        await send(message)

    return mirrored


def is_preflight(scope: Scope) -> bool:
    """Whether a request asks what a page may send (OPTIONS with Access-Control-Request-Method)."""
    return scope["method"] == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )


async def answer_options(scope: Scope, send: Send) -> None:
    """204 with all that may be sent; the same for every path, so that a page can read a 404 as well.

    `send` mirrors the origin.
    """
    asked = dict(scope["headers"])
    headers = [
        (b"allow", METHODS),
        (b"access-control-allow-methods", METHODS),
        (
            b"access-control-allow-headers",
            _allowed_headers(asked.get(b"access-control-request-headers", b"")),
        ),
        (b"access-control-max-age", str(MAX_AGE_SECONDS).encode()),
        (b"vary", b"Access-Control-Request-Headers, Access-Control-Request-Private-Network"),
    ]
    if asked.get(b"access-control-request-private-network") == b"true":
        headers.append((b"access-control-allow-private-network", b"true"))
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _allowed_headers(asked: bytes) -> bytes:
    return asked if _TOKENS.fullmatch(asked) else _USUAL_HEADERS
