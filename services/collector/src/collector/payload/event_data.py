"""Properties of an event: a JSON object, or a string that holds one, becomes compact JSON text.

Spec, section "Limits": 4 KB for each event's event_data. The compact form is what is counted and
kept: no space between tokens, and every number and string spelt as the client spelt it. Only where that is too long,
strings are spelt with as few escapes as possible: programs that escape all but ASCII may send as much as others.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from collector.payload import surrogates
from collector.refusals import Refused, invalid

FIELD: Final = "event_data"
MAX_BYTES: Final = 4_096
MAX_DEPTH: Final = 32

_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_ESCAPE_BYTES: Final = 6
"""Of the longest spelling of one byte, `\\u0061`."""

_FOUND: Final = {
    ord("["): "an array",
    ord('"'): "a string",
    ord("t"): "a boolean",
    ord("f"): "a boolean",
    ord("n"): "null",
}


_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def read(raw: bytes) -> str:
    """The compact JSON object in `raw`, which is one JSON value; "" where there is none.

    None are: no bytes, `null`, and a string that is blank or holds `null`. Raises Refused.
    """
    if not raw or raw == b"null":
        return ""
    return _usual(raw) or _exact(raw)


def _usual(raw: bytes) -> str | None:
    """The object where, spaces apart, it is spelt as this program would spell it: then no key is there twice."""
    try:
        value = _decode(raw)
        if isinstance(value, str):
            raw = value.encode()
            value = _decode(raw)
        spelt = _encode(value)
        if not isinstance(value, dict) or (spelt != raw and spelt != surrogates.compact(raw)):
            return None
    except (ValueError, RecursionError):
        return None
    if len(spelt) > MAX_BYTES or spelt.count(b"{") + spelt.count(b"[") > MAX_DEPTH or b"\\u0000" in spelt:
        return None
    return spelt.decode()


def _exact(raw: bytes) -> str:
    try:
        raw = surrogates.compact(raw)
    except RecursionError:
        raise _too_deep() from None
    if raw[0] == ord('"'):
        raw = _inside(raw)
        if not raw or raw == b"null":
            return ""
    if raw[0] != ord("{"):
        found = _FOUND.get(raw[0], "a number")
        raise invalid(f"must be a JSON object, or a string that holds one, but is {found}", FIELD)
    if MAX_BYTES < len(raw) <= MAX_BYTES * _ESCAPE_BYTES and b"\\" in raw:
        raw = _unescaped(raw)
    if len(raw) > MAX_BYTES:
        raise Refused(
            "payload_too_large",
            f"is {len(raw):,} bytes as compact JSON, but at most {MAX_BYTES:,} are taken; send fewer properties",
            FIELD,
        )
    _check(raw)
    return raw.decode()


def _inside(raw: bytes) -> bytes:
    text: str = msgspec.json.decode(raw, type=str)
    if not text.strip(" \t\r\n"):
        return b""
    try:
        return surrogates.compact(text.encode())
    except (ValueError, RecursionError) as error:
        raise invalid(f"is a string that holds no JSON: {error}", FIELD) from None


def _unescaped(compact: bytes) -> bytes:
    return _STRING.sub(lambda found: msgspec.json.encode(msgspec.json.decode(found[0], type=str)), compact)


def _check(compact: bytes) -> None:
    # Braces inside of strings count too: too many only make the exact answer necessary.
    if compact.count(b"{") + compact.count(b"[") > MAX_DEPTH and _depth(compact) > MAX_DEPTH:
        raise _too_deep()
    try:
        value = msgspec.json.decode(compact)
    except (ValueError, RecursionError) as error:
        raise invalid(f"cannot be read: {error}", FIELD) from None
    # In compact text each key is followed by `":`, so if there are no more of them than keys in the
    # decoded top level, then no key was there twice; else it takes a closer look.
    if compact.count(b'":') != len(value):
        _refuse_duplicates(compact)
    if b"\\u0000" in compact and any("\0" in text for text in _texts(value)):
        raise invalid("holds the NUL character (\\u0000); leave it out", FIELD)


def _too_deep() -> Refused:
    return invalid(f"is nested more than {MAX_DEPTH} levels deep; flatten it", FIELD)


def _depth(compact: bytes) -> int:
    depth = deepest = 0
    for token in _outside_strings(compact):
        depth += (token in b"{[") - (token in b"}]")
        deepest = max(deepest, depth)
    return deepest


def _outside_strings(compact: bytes) -> Iterator[int]:
    inside = escaped = False
    for byte in compact:
        if inside:
            inside = escaped or byte != ord('"')
            escaped = byte == ord("\\") and not escaped
        elif byte == ord('"'):
            inside = True
        else:
            yield byte


def _refuse_duplicates(compact: bytes) -> None:
    json.loads(compact, object_pairs_hook=_unique, parse_int=str, parse_float=str)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise invalid(f"has the key {json.dumps(twice)} twice; keep one of them", FIELD)
    return made


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
