"""An event's JSON properties become two columns of text: paths and values.

Rules (issue 3, query-api): a value is always a string. Numbers keep their text as the JSON wrote it, booleans
are `true` or `false`, `null` leaves its key out, nested objects become dotted paths, arrays become compact
JSON text, and an empty object contributes nothing.
"""

import json
from typing import Any

from eventrail.errors import ContractError

Properties = tuple[list[str], list[str]]
"""Paths and their values: two lists of the same length, no path twice."""


class _Number(str):
    """Text of a number, told apart from a JSON string by its type."""

    __slots__ = ()


# Not its decode(): that steps over white space with two regular expressions, which took longer than the parser.
_decode = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_Number).raw_decode
_quote = json.JSONEncoder(ensure_ascii=False).encode


def properties(event_data: str) -> Properties:
    """Paths and values of `event_data`, the text of a JSON object or "" for none.

    Where an object has one name twice, its last member counts, as in every JSON parser; where two paths meet
    (`{"a.b": 1, "a": {"b": 2}}`), the last one wins. A lone surrogate escape becomes U+FFFD, because
    it has no UTF-8 form. Raises ContractError (a broken rule) where the text is no JSON object, or
    is nested deeper than the interpreter's recursion limit.
    """
    if not event_data:
        return [], []
    found: dict[str, str] = {}
    try:
        _collect(_object(event_data), "", found)
    except RecursionError:
        raise ContractError("event_data is nested too deeply", rule=True) from None
    if "\\u" in event_data:
        found = {_encodable(path): _encodable(value) for path, value in found.items()}
    return list(found), list(found.values())


def _object(event_data: str) -> dict[str, Any]:
    text = event_data.strip(" \t\n\r")
    try:
        document, end = _decode(text)
    except ValueError:
        raise ContractError("event_data is no JSON text", rule=True) from None
    if end != len(text):
        raise ContractError("event_data goes on after its JSON text", rule=True)
    if type(document) is not dict:
        raise ContractError("event_data is JSON, but no object", rule=True)
    return document


def _collect(members: dict[str, Any], prefix: str, found: dict[str, str]) -> None:
    for name, value in members.items():
        if type(value) is dict:
            _collect(value, f"{prefix}{name}.", found)
        elif value is not None:
            found[prefix + name] = value if type(value) is str else _text(value)


def _text(value: Any) -> str:
    """JSON text of anything but a top-level string, without spaces."""
    if type(value) is _Number:
        return str(value)
    if type(value) is list:
        return f"[{','.join(map(_text, value))}]"
    if type(value) is dict:
        return "{" + ",".join(f"{_quote(name)}:{_text(item)}" for name, item in value.items()) + "}"
    return _quote(value)


def _encodable(text: str) -> str:
    # Only an escape such as \ud800 can bring a lone surrogate in: protobuf strings are valid Unicode.
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
