"""An event as JSON text: one object, on one line, in which properties are the text that is stored."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from eventrail.contract.codec import rfc3339
from query_api.facts import Fact, Kind

_quote = json.JSONEncoder(ensure_ascii=False).encode

_LINE_BREAKS: Final = str.maketrans("\r\n", "  ")
# These are no line breaks to JSON, but to many who cut text into lines (Python's str.splitlines among them).
_UNICODE_BREAKS: Final = str.maketrans({char: f"\\u{ord(char):04x}" for char in "\x85\u2028\u2029"})


def _text(value: str) -> str:
    return _quote(value) if value else "null"


def _instant(value: int) -> str:
    return f'"{rfc3339(value)}"' if value else "null"


def _flag(value: bool) -> str:  # noqa: FBT001
    return "true" if value else "false"


def one_line(text: str) -> str:
    """JSON text without line breaks, which stand between its tokens only and mean nothing there."""
    return text.translate(_LINE_BREAKS) if "\n" in text or "\r" in text else text


def _json(value: str) -> str:
    return one_line(value) or "null"


_WRITERS: Final[dict[Kind, Callable[[Any], str]]] = {
    Kind.TEXT: _text,
    Kind.INSTANT: _instant,
    Kind.DAY: '"{}"'.format,
    Kind.FLAG: _flag,
    Kind.JSON: _json,
}


def objects(facts: Sequence[Fact], rows: Sequence[Sequence[Any]]) -> list[str]:
    """One JSON object per row, no line breaks in it. A row begins with the values of `facts`; more is not looked at."""
    members = [(f"{_quote(fact.name)}:", _WRITERS[fact.kind]) for fact in facts]
    return [_one(members, row) for row in rows]


def _one(members: Sequence[tuple[str, Callable[[Any], str]]], row: Sequence[Any]) -> str:
    written = [name + write(value) for (name, write), value in zip(members, row, strict=False)]
    text = f"{{{','.join(written)}}}"
    return text if text.isascii() else text.translate(_UNICODE_BREAKS)
