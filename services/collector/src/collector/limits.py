"""How much and how long: the bounds that hold before anything is read."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from collector.refusals import Refused
from collector.unpacking import ENCODINGS

BODY_MAX_BYTES: Final = 102_400
"""Spec, section "Limits": COLLECT_BODY_LIMIT, 100 KB."""

PACKED_MAX_BYTES: Final = BODY_MAX_BYTES + 1024
"""A body of the largest size that gzip cannot make smaller, with gzip's own headers."""

USER_AGENT_MAX_CHARACTERS: Final = 1024

_UTF_8: Final = (b"", b"utf-8", b"utf8", b"us-ascii")
"""Names of UTF-8, and of a part of it."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGone(Exception):
    """The client closed the connection before its request was complete; there is nobody to answer."""


class Expected(NamedTuple):
    """A body by its headers: whether it is packed, and the most bytes that it may have as it is sent."""

    packed: bool
    most_bytes: int


def expected(content_type: bytes, encoding: bytes) -> Expected:
    """The body behind these headers. Raises Refused as `check_media_type` does."""
    short = len(content_type) + len(encoding) <= _REMEMBERED_BYTES
    return (_known if short else _expected)(content_type, encoding)


def _expected(content_type: bytes, encoding: bytes) -> Expected:
    check_media_type(content_type, encoding)
    packed = is_packed(encoding)
    return Expected(packed, PACKED_MAX_BYTES if packed else BODY_MAX_BYTES)


_known = lru_cache(256)(_expected)
_REMEMBERED_BYTES: Final = 256


def check_media_type(content_type: bytes, encoding: bytes) -> None:
    """JSON, anything `+json`, plain text (as beacons send it) or nothing said; as it is or in gzip. Raises Refused."""
    kind, _, parameters = content_type.partition(b";")
    kind = kind.strip().lower()
    if kind not in (b"", b"application/json", b"text/plain") and not kind.endswith(b"+json"):
        raise Refused(
            "unsupported_media_type",
            f"Content-Type {kind.decode('latin-1')!r} is not taken: send application/json",
        )
    if parameters:
        _check_charset(parameters)
    if not is_packed(encoding) and encoding.strip().lower() not in (b"", b"identity"):
        raise Refused(
            "unsupported_media_type",
            f"Content-Encoding {encoding.decode('latin-1')!r} is not taken: send gzip, or the body as it is",
        )


def _check_charset(parameters: bytes) -> None:
    for parameter in parameters.split(b";"):
        name, _, value = parameter.partition(b"=")
        charset = value.strip().strip(b'"').lower()
        if name.strip().lower() == b"charset" and charset not in _UTF_8:
            raise Refused(
                "unsupported_media_type", f"charset {charset.decode('latin-1')!r} is not taken: send UTF-8"
            )


def is_packed(encoding: bytes) -> bool:
    """Whether a Content-Encoding header says gzip."""
    return encoding.strip().lower() in ENCODINGS


def check_declared(content_length: bytes, most: int = BODY_MAX_BYTES) -> None:
    """Refuse a body by its Content-Length before a byte of it is read. Raises Refused."""
    if content_length.isdigit():
        check_size(int(content_length[:20]), most)


def check_size(size: int, most: int) -> None:
    """Refuse a body of `size` bytes where it has more than `most`. Raises Refused."""
    if size > most:
        raise _too_large()


async def read_body(receive: Receive, seconds: float, most: int = BODY_MAX_BYTES) -> bytes:
    """The whole body; holds at most `most` bytes and one piece of it.

    Raises Refused where it is too large or does not arrive within `seconds`, ClientGone where it never will.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, most)
    except TimeoutError:
        raise Refused("request_timeout", f"the body did not arrive within {seconds:g} s") from None


async def _read(receive: Receive, most: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        size += len(piece)
        check_size(size, most)
        if not message.get("more_body", False):
            return b"".join([*pieces, piece]) if pieces else piece
        pieces.append(piece)


def _too_large() -> Refused:
    return Refused(
        "body_too_large", f"the body is longer than {BODY_MAX_BYTES:,} bytes; send fewer events at once"
    )


def user_agent(values: Iterable[bytes]) -> str:
    """The first User-Agent header as text.

    What is longer than 1,024 characters is cut: it is a header of the browser and no part of the
    event, and no real agent comes near.
    """
    raw = next(iter(values), b"")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text[:USER_AGENT_MAX_CHARACTERS]
