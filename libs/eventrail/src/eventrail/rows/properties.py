"""An event's JSON properties become columns: paths, types, texts, and the shape that holds them together.

Rules (issue 3, query-api): a value is always a text. Numbers keep theirs as the JSON wrote it, booleans
are `true` or `false`, `null` leaves its key out, nested objects become dotted paths, arrays become compact
JSON text, and an empty object contributes nothing. The type tells `"1"` from `1` and `"true"` from `true`.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from itertools import count, pairwise
from operator import call
from typing import Any, Final, NamedTuple

import msgspec

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
_decode_exactly = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_Number).raw_decode
_decode_quickly = msgspec.json.Decoder(float_hook=_Number).decode
_quote = json.JSONEncoder(ensure_ascii=False).encode

_TYPES: Final = {str: STRING, _Number: NUMBER, int: NUMBER, bool: BOOLEAN, list: ARRAY}
_NONE: Final = type(None)
_MINUS_ZERO: Final = re.compile(r"-0(?![.\deE])")
_NULL, _OPENS, _CLOSES = range(3)

Skeleton = tuple[str | int, ...]
"""Names of an object's members in their order, with a mark after each that is null or an object, and behind its end."""


class _Outline(NamedTuple):
    """What all objects with the same names and types of values have in common.

    `writers` make the texts of the values, in their order; `order` says which of them stand behind `paths`, where two
    paths met (else None).
    """

    paths: list[str]
    types: list[int]
    shape: str
    writers: tuple[Callable[[Any], str], ...]
    order: list[int] | None


def properties(event_data: str) -> Properties:
    """What `event_data` holds, the text of a JSON object or "" for none.

    Where an object has one name twice, its last member counts, as in every JSON parser; where two paths meet
    (`{"a.b": 1, "a": {"b": 2}}`), the last one wins. A lone surrogate escape becomes U+FFFD, because
    it has no UTF-8 form. Raises ContractError (a broken rule) where the text is no JSON object, or
    is nested deeper than the interpreter's recursion limit. `paths` and `types` are shared: not to be changed.
    """
    if not event_data:
        return Properties([], [], [], "")
    try:
        return _read(event_data)
    except RecursionError:
        raise ContractError("event_data is nested too deeply", rule=True) from None


def _read(event_data: str) -> Properties:
    document = _document(event_data)
    values: Collection[Any] = document.values()
    skeleton: Skeleton = tuple(document)
    kinds = tuple(map(type, values))
    if dict in kinds or _NONE in kinds:
        skeleton, values = _taken_apart(document)
        kinds = tuple(map(type, values))
    paths, types, shape, writers, order = _outline(skeleton, kinds)
    texts = list(map(call, writers, values))
    if order is not None:
        texts = [texts[number] for number in order]
    if "\\u" in event_data:
        return _encodable_ones(paths, types, texts, shape)
    return Properties(paths, types, texts, shape)


def _document(event_data: str) -> dict[str, Any]:
    # msgspec makes an int of an integer, which has the same text but for -0. What it does not take is judged exactly.
    if "-0" not in event_data or _MINUS_ZERO.search(event_data) is None:
        try:
            document = _decode_quickly(event_data)
        except (msgspec.MsgspecError, RecursionError):
            return _object(event_data)
        if type(document) is dict:
            return document
    return _object(event_data)


def _taken_apart(document: dict[str, Any]) -> tuple[Skeleton, list[Any]]:
    skeleton: list[str | int] = []
    values: list[Any] = []
    _take_apart(document, skeleton, values)
    return tuple(skeleton), values


def _take_apart(members: dict[str, Any], skeleton: list[str | int], values: list[Any]) -> None:
    for name, value in members.items():
        skeleton.append(name)
        if type(value) is dict:
            skeleton.append(_OPENS)
            _take_apart(value, skeleton, values)
            skeleton.append(_CLOSES)
        elif value is None:
            skeleton.append(_NULL)
        else:
            values.append(value)


@lru_cache(maxsize=1024)
def _outline(skeleton: Skeleton, kinds: tuple[type, ...]) -> _Outline:
    numbers = _put_together(skeleton)
    found: dict[str, int] = {}
    _collect(numbers, "", found)
    order = list(found.values())
    all_there = len(order) == len(kinds)
    shape = _shape(numbers) if all_there else ""
    return _Outline(
        list(found),
        [_TYPES[kinds[number]] for number in order],
        shape if len(shape) <= MAX_SHAPE else "",
        tuple(_WRITERS[kind] for kind in kinds),
        None if all_there else order,
    )


def _put_together(skeleton: Skeleton) -> dict[str, Any]:
    """The object of `skeleton`, with the numbers of its values in their places."""
    numbers = count()
    levels: list[dict[str, Any]] = [{}]
    for name, mark in pairwise((*skeleton, "")):
        if mark == _OPENS:
            levels[-1][str(name)] = inner = dict[str, Any]()
            levels.append(inner)
        elif name == _CLOSES:
            levels.pop()
        elif isinstance(name, str):
            levels[-1][name] = None if mark == _NULL else next(numbers)
    return levels[0]


def _encodable_ones(paths: list[str], types: list[int], texts: list[str], shape: str) -> Properties:
    good = {
        _encodable(path): (type_, _encodable(text))
        for path, type_, text in zip(paths, types, texts, strict=True)
    }
    good_types, good_texts = [type_ for type_, _ in good.values()], [text for _, text in good.values()]
    same = list(good) == paths and good_texts == texts and _encodable(shape) == shape
    return Properties(list(good), good_types, good_texts, shape if same else "")


def _shape(members: dict[str, Any]) -> str:
    return "{" + ",".join([f"{_quote(name)}:{_shape_of(value)}" for name, value in members.items()]) + "}"


def _shape_of(value: Any) -> str:
    if value is None:
        return "null"
    return _shape(value) if type(value) is dict else HOLE


def _object(event_data: str) -> dict[str, Any]:
    text = event_data.strip(" \t\n\r")
    try:
        document, end = _decode_exactly(text)
    except ValueError:
        raise ContractError("event_data is no JSON text", rule=True) from None
    if end != len(text):
        raise ContractError("event_data goes on after its JSON text", rule=True)
    if type(document) is not dict:
        raise ContractError("event_data is JSON, but no object", rule=True)
    return document


def _collect(members: dict[str, Any], prefix: str, found: dict[str, int]) -> None:
    for name, value in members.items():
        if type(value) is dict:
            _collect(value, f"{prefix}{name}.", found)
        elif value is not None:
            found[prefix + name] = value


def _text(value: Any) -> str:
    """JSON text of anything but a top-level string, without spaces."""
    kind = type(value)
    if kind is _Number or kind is int:
        return str(value)
    if kind is list:
        return f"[{','.join(map(_text, value))}]"
    if kind is dict:
        return "{" + ",".join(f"{_quote(name)}:{_text(item)}" for name, item in value.items()) + "}"
    return _quote(value)


_WRITERS: Final[Mapping[type, Callable[[Any], str]]] = {
    str: str,
    _Number: str,
    int: str,
    bool: {True: "true", False: "false"}.__getitem__,
    list: _text,
}


def _encodable(text: str) -> str:
    # Only an escape such as \ud800 can bring a lone surrogate in: protobuf strings are valid Unicode.
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
