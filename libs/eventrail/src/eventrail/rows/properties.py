"""An event's JSON properties become columns: paths, types, texts, and the shape that holds them together.

Rules (issue 3, query-api): a value is always a text. Numbers keep theirs as the JSON wrote it, booleans
are `true` or `false`, `null` leaves its key out, nested objects become dotted paths, arrays become compact
JSON text, and an empty object contributes nothing. The type tells `"1"` from `1` and `"true"` from `true`.
"""

import json
from functools import lru_cache
from typing import Any, Final, NamedTuple

from eventrail.errors import ContractError

STRING, NUMBER, BOOLEAN, ARRAY = 1, 2, 3, 4
"""Numbers of the types, as the table's enum has them."""


class Properties(NamedTuple):
    """Paths, none of them twice, with the type and the text of each.

    `shape` is the JSON text of the whole object, compact, with HOLE in the place of each property: with the JSON of the
    properties put in, in their order, it has the meaning of the text that they were read from. It is empty where
    that can't be said of it: where two paths met, a character had no UTF-8 form, or it would be longer than MAX_SHAPE.
    """

    paths: list[str]
    types: list[int]
    texts: list[str]
    shape: str


HOLE: Final = "\0"
"""Stands in no JSON text, which has it as an escape."""

MAX_SHAPE: Final = 1_024
"""Characters; longer ones are rare, and each would stand in a dictionary of the table."""


class _Number(str):
    """Text of a number, told apart from a JSON string by its type."""

    __slots__ = ()


# Not its decode(): that steps over white space with two regular expressions, which took longer than the parser.
_decode = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_Number).raw_decode
_quote = json.JSONEncoder(ensure_ascii=False).encode


_TYPES: Final = {str: STRING, _Number: NUMBER, bool: BOOLEAN, list: ARRAY}
_NOT_FLAT: Final = frozenset({dict, type(None)})


def properties(event_data: str) -> Properties:
    """What `event_data` holds, the text of a JSON object or "" for none.

    Where an object has one name twice, its last member counts, as in every JSON parser; where two paths meet
    (`{"a.b": 1, "a": {"b": 2}}`), the last one wins. A lone surrogate escape becomes U+FFFD, because
    it has no UTF-8 form. Raises ContractError (a broken rule) where the text is no JSON object, or
    is nested deeper than the interpreter's recursion limit.
    """
    if not event_data:
        return Properties([], [], [], "")
    try:
        return _read(event_data)
    except RecursionError:
        raise ContractError("event_data is nested too deeply", rule=True) from None


def _read(event_data: str) -> Properties:
    document = _object(event_data)
    if _NOT_FLAT.isdisjoint(map(type, document.values())):
        found, shape = document, _flat_shape(tuple(document))
    else:
        found, shape = _unfolded(document)
    paths, types, texts = _columns(found)
    if "\\u" in event_data:
        return _encodable_ones(paths, types, texts, shape)
    return Properties(paths, types, texts, shape)


def _columns(found: dict[str, Any]) -> tuple[list[str], list[int], list[str]]:
    values = found.values()
    texts = [value if type(value) is str else _text(value) for value in values]
    return list(found), [_TYPES[type(value)] for value in values], texts


def _unfolded(document: dict[str, Any]) -> tuple[dict[str, Any], str]:
    found: dict[str, Any] = {}
    _collect(document, "", found)
    shape = _shape(document)
    return found, shape if len(shape) <= MAX_SHAPE and shape.count(HOLE) == len(found) else ""


def _encodable_ones(paths: list[str], types: list[int], texts: list[str], shape: str) -> Properties:
    good = {
        _encodable(path): (type_, _encodable(text))
        for path, type_, text in zip(paths, types, texts, strict=True)
    }
    good_types, good_texts = [type_ for type_, _ in good.values()], [text for _, text in good.values()]
    same = list(good) == paths and good_texts == texts and _encodable(shape) == shape
    return Properties(list(good), good_types, good_texts, shape if same else "")


@lru_cache(maxsize=1024)
def _flat_shape(names: tuple[str, ...]) -> str:
    shape = "{" + ",".join([f"{_quote(name)}:{HOLE}" for name in names]) + "}"
    return shape if len(shape) <= MAX_SHAPE else ""


def _shape(members: dict[str, Any]) -> str:
    return "{" + ",".join([f"{_quote(name)}:{_shape_of(value)}" for name, value in members.items()]) + "}"


def _shape_of(value: Any) -> str:
    if value is None:
        return "null"
    return _shape(value) if type(value) is dict else HOLE


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
            found[prefix + name] = value


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
