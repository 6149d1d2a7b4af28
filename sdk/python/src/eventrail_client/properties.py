"""Properties of an event as the collector's `event_data`: a JSON object, written as short as can be."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from eventrail_client.errors import InvalidEvent
from eventrail_client.texts import text

FIELD: Final = "event_data"
MAX_BYTES: Final = 4_096
MAX_DEPTH: Final = 32

encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""A value as the shortest JSON text."""

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]
Properties = Mapping[str, Json]


def written(properties: Properties) -> str:
    """`properties` as JSON text. Raises InvalidEvent, which says where the fault is."""
    if not isinstance(properties, Mapping):
        raise InvalidEvent(f"must be a mapping, but is a {type(properties).__name__}", FIELD)
    try:
        made = encode(_plain(properties, "", 1))
    except InvalidEvent:
        raise
    except Exception as error:
        # The caller's mapping may do anything, such as change in another thread meanwhile.
        raise InvalidEvent(f"cannot be read: {error!r}", FIELD) from error
    size = len(made.encode())
    if size > MAX_BYTES:
        raise InvalidEvent(
            f"is {size:,} bytes as JSON, but at most {MAX_BYTES:,} are taken; send fewer properties",
            FIELD,
            "payload_too_large",
        )
    return made


def _plain(value: Any, path: str, depth: int) -> Any:
    if isinstance(value, str):
        return text(value, FIELD + path)
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidEvent("is no finite number", FIELD + path)
        return value
    return _nested(value, path, depth)


def _nested(value: Any, path: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidEvent(f"is nested more than {MAX_DEPTH} levels deep; flatten it", FIELD)
    if isinstance(value, Mapping):
        return _object(value, path, depth)
    if isinstance(value, list | tuple):
        return [_plain(inner, f"{path}[{index}]", depth + 1) for index, inner in enumerate(value)]
    raise InvalidEvent(f"is a {type(value).__name__}, which JSON does not have", FIELD + path)


def _object(value: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
    made = {_key(key, path): _plain(inner, f"{path}.{key}", depth + 1) for key, inner in value.items()}
    if len(made) != len(value):
        raise InvalidEvent("has a key twice, as it is sent; keep one of them", FIELD + path)
    return made


def _key(key: Any, path: str) -> str:
    if not isinstance(key, str):
        raise InvalidEvent(f"has a key that is a {type(key).__name__}; keys are texts", FIELD + path)
    return text(key, FIELD + path)
