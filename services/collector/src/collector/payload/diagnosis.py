"""The slow and exact reading of a body: says for each member what is wrong, and where."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw

from collector.payload.members import MAX_MEMBERS, NO_DATA, Body, Member
from collector.refusals import Refused, invalid

MAX_UNKNOWN: Final = 50


class _Object(list[tuple[str, Any]]):
    """A JSON object as its pairs: nothing is lost where a key stands twice."""


def _whole(text: str) -> int:
    # 30 digits are beyond every range here, and longer ones would cost quadratic time.
    return int(text[:30])


_json = json.JSONDecoder(object_pairs_hook=_Object, parse_int=_whole)


def examine(compact: bytes) -> Body:
    """Read `compact`, a body of valid JSON. Raises Refused where the body as a whole is not taken."""
    try:
        value = _json.decode(compact.decode())
    except UnicodeDecodeError as error:
        raise Refused("invalid_json", f"the body is not UTF-8: {error.reason}") from None
    except (ValueError, RecursionError) as error:
        raise Refused("invalid_json", f"the body is not JSON: {error}") from None
    if isinstance(value, _Object):
        return _body([value], [compact], batch=False)
    if not isinstance(value, list):
        raise invalid(
            f"the body must be an event object or an array of 1 to {MAX_MEMBERS} of them, but is {_found(value)}"
        )
    _check_count(len(value))
    return _body(value, _slices(compact), batch=True)


def _check_count(count: int) -> None:
    if count == 0:
        raise invalid(f"the array is empty: send 1 to {MAX_MEMBERS} events")
    if count > MAX_MEMBERS:
        raise Refused(
            "batch_too_large",
            f"the array has {count:,} events, but at most {MAX_MEMBERS} are taken; split it into several requests",
        )


def _slices(compact: bytes) -> list[bytes]:
    return [bytes(raw) for raw in msgspec.json.decode(compact, type=list[Raw])]


def _body(values: Iterable[Any], slices: Iterable[bytes], *, batch: bool) -> Body:
    body = Body([], batch)
    for value, raw in zip(values, slices, strict=True):
        try:
            body.members.append(_member(value, raw, body.unknown))
        except Refused as refused:
            body.members.append(refused)
    return body


def _member(value: Any, raw: bytes, unknown: list[str]) -> Member:
    if not isinstance(value, _Object):
        raise invalid(f"must be an event object, but is {_found(value)}")
    fields = _unique(value)
    _note_unknown(fields, unknown)
    known = {name: fields[name] for name in _EXPECTED if name in fields}
    for name, found in known.items():
        _check_type(name, found)
    event_data = known.pop("event_data", UNSET)
    return Member(**known, event_data=NO_DATA if event_data is UNSET else _raw_data(raw))


def _note_unknown(fields: Iterable[str], unknown: list[str]) -> None:
    for name in fields:
        if len(unknown) == MAX_UNKNOWN:
            return
        if name not in _EXPECTED and name not in unknown:
            unknown.append(name)


def _unique(pairs: _Object) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise invalid("is there twice; keep one of them", twice)
    return fields


def _raw_data(raw: bytes) -> Raw:
    fields = msgspec.json.decode(raw, type=dict[str, Raw])
    return fields["event_data"].copy()


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_Expected = tuple[str, Callable[[Any], bool]]
_TEXT: Final[_Expected] = ("a string", _is_text)
_WHOLE: Final[_Expected] = ("an integer", _is_whole)
_MOMENT: Final[_Expected] = (
    "an integer (Unix milliseconds) or a string (ISO 8601)",
    lambda value: _is_text(value) or _is_whole(value),
)
_ANYTHING: Final[_Expected] = ("JSON", lambda _value: True)

_EXPECTED: Final[dict[str, _Expected]] = {
    **dict.fromkeys(Member.__struct_fields__, _TEXT),
    "event_data": _ANYTHING,
    "screen_width": _WHOLE,
    "screen_height": _WHOLE,
    "timestamp": _MOMENT,
    "sent_at": _MOMENT,
}


def _check_type(name: str, value: Any) -> None:
    expected, fits = _EXPECTED[name]
    if value is not None and not fits(value):
        raise invalid(f"expected {expected}, found {_found(value)}", name)
    if isinstance(value, str) and name != "event_data" and "\0" in value:
        raise invalid("holds the NUL character (\\u0000); leave it out", name)


def _found(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case _Object():
            return "an object"
        case _:
            return "an array"
