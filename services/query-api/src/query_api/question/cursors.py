"""Cursors: where the next page of an answer begins, as opaque text that is bound to its question.

The text is URL-safe base64 without padding (RFC 4648 section 5) of: the version (one byte, 1), the CRC-32 of what
follows (4 bytes, big-endian), the digest of the question (8 bytes) and the position as JSON. The CRC finds what was cut
or mistyped; it is no signature. A cursor holds no secret and gives no right: whoever makes one up gets another page of
what may be asked anyway, so what stands in it is checked like every other parameter.
"""

import base64
import binascii
import zlib
from hashlib import blake2b
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from query_api.errors import Invalid
from query_api.question.given import Given
from query_api.question.selection import Selection

T = TypeVar("T")

MAX_CHARACTERS: Final = 8_192
PAGING_FIELDS: Final = ("cursor", "limit", "skip", "token", "wait")
"""What may differ between the pages of one question."""

_VERSION: Final = b"\x01"
_CRC_BYTES: Final = 4
_QUESTION_BYTES: Final = 8
_AS_SENT: Final = "send it as it stood in the answer"


def question_digest(endpoint: str, given: Given, selection: Selection, *more: str) -> bytes:
    """What tells a question from all others: all that was given, but the PAGING_FIELDS; and `more`.

    The period counts as it was given, so that a default period does not end a walk at midnight: the first cursor fixes
    its moments (`Position` of each endpoint).
    """
    texts = sorted((name, values) for name, values in given.texts.items() if name not in PAGING_FIELDS)
    conditions = sorted(
        repr((one.field.name, one.operator.value, one.values)) for one in selection.conditions
    )
    whole = repr((endpoint, selection.website_id, selection.left_out, texts, conditions, more))
    return blake2b(whole.encode(), digest_size=_QUESTION_BYTES).digest()


def encode(question: bytes, shape: TypeAdapter[T], position: T) -> str:
    """The cursor of `position` in the answer to `question`."""
    packed = question + shape.dump_json(position)
    crc = zlib.crc32(packed).to_bytes(_CRC_BYTES)
    return base64.urlsafe_b64encode(_VERSION + crc + packed).rstrip(b"=").decode()


def decode(text: str, question: bytes, shape: TypeAdapter[T]) -> T:
    """The position of a cursor that `encode` made for `question`. Raises Invalid."""
    packed = _checked(text)
    if packed[:_QUESTION_BYTES] != question:
        raise _invalid("cursor is of another question; keep all other parameters as they were")
    try:
        return shape.validate_json(packed[_QUESTION_BYTES:], strict=True)
    except ValidationError:
        raise _invalid(f"cursor holds no position of this answer; {_AS_SENT}") from None


def _checked(text: str) -> bytes:
    if len(text) > MAX_CHARACTERS:
        raise _invalid(f"cursor is longer than {MAX_CHARACTERS:,} characters; {_AS_SENT}")
    try:
        plain = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _invalid(f"cursor is no URL-safe base64; {_AS_SENT}") from None
    version, crc, packed = plain[:1], plain[1 : 1 + _CRC_BYTES], plain[1 + _CRC_BYTES :]
    if version != _VERSION:
        raise _invalid("cursor is of a version that is not known here; begin again without it")
    if crc != zlib.crc32(packed).to_bytes(_CRC_BYTES):
        raise _invalid(f"cursor is damaged; {_AS_SENT}")
    return packed


def _invalid(message: str) -> Invalid:
    return Invalid(message, "cursor")


def read(given: Given, question: bytes, shape: TypeAdapter[T]) -> T | None:
    """The position of the `cursor` that was given, None where there is none. Raises Invalid."""
    text: Any = given.one("cursor")
    return None if text is None else decode(text, question, shape)
