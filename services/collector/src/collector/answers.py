"""Answers in JSON, and how they look on the wire (HTTP/1.1, RFC 9112)."""

from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import Final, NamedTuple

Header = tuple[bytes, bytes]

CLOSE: Final = b"connection: close\r\n"


class Answer(NamedTuple):
    """Status and JSON body; `headers` are those beside the two that each answer has."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()

    def all_headers(self) -> list[Header]:
        """Type and length of the body, and `headers`."""
        length = str(len(self.body)).encode()
        return [(b"content-type", b"application/json"), (b"content-length", length), *self.headers]

    def on_the_wire(self, *more: bytes) -> bytes:
        """All of it in one piece, with more lines of the head. What comes from a client has to be checked before."""
        return b"".join(
            (
                _status_line(self.status),
                b"content-type: application/json\r\ncontent-length: ",
                str(len(self.body)).encode(),
                b"\r\n",
                lines(self.headers) if self.headers else b"",
                *more,
                b"\r\n",
                self.body,
            )
        )


def lines(headers: Iterable[Header]) -> bytes:
    """Headers as lines of a head."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


@lru_cache
def _status_line(status: int) -> bytes:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
