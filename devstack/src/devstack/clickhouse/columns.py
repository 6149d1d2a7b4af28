"""Finding the end of a column of ClickHouse's Native format without decoding its values.

A column type becomes a `Column`: a function that steps over the type's state prefix (LowCardinality,
JSON and Dynamic have one) and returns a `Body`, which steps over the values of so many rows. Prefixes of
nested types all come before the values, hence the two steps. Source: ClickHouse's
src/DataTypes/Serializations and the readers of clickhouse-driver.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from devstack.clickhouse.errors import WireError
from devstack.clickhouse.wire import Cursor

Body = Callable[[Cursor, int], None]
Column = Callable[[Cursor], Body]

MAX_TYPE_BYTES = 1 << 20

_WIDTHS = {
    **dict.fromkeys(("Int8", "UInt8", "Bool", "Enum8", "Nothing", "Null"), 1),
    **dict.fromkeys(("Int16", "UInt16", "Enum16", "Date", "BFloat16"), 2),
    **dict.fromkeys(("Int32", "UInt32", "Float32", "Date32", "DateTime", "IPv4", "Time"), 4),
    **dict.fromkeys(("Int64", "UInt64", "Float64", "DateTime64", "Time64"), 8),
    **dict.fromkeys(("Int128", "UInt128", "UUID", "IPv6"), 16),
    **dict.fromkeys(("Int256", "UInt256"), 32),
    "Decimal32": 4,
    "Decimal64": 8,
    "Decimal128": 16,
    "Decimal256": 32,
}
_ALIASES = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Point)",
    "LineString": "Array(Point)",
    "MultiLineString": "Array(LineString)",
    "Polygon": "Array(Ring)",
    "MultiPolygon": "Array(Polygon)",
}
# How many digits fit into a decimal of so many bytes.
_DECIMALS = ((9, 4), (18, 8), (38, 16), (76, 32))
# Every token of a type's arguments that could hide a comma or a bracket.
_ARGUMENT_TOKEN = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|[(),]|[^'`(),]+", re.DOTALL)
_NAMED = re.compile(r"(`(?:[^`\\]|\\.)*`|[A-Za-z_]\w*)\s+(?=[A-Z])", re.DOTALL)

_LOW_CARDINALITY_VERSION = 1
_ADDITIONAL_KEYS = 1 << 9
_OBJECT_V1, _OBJECT_STRING, _OBJECT_V2 = 0, 1, 2
_DYNAMIC_V1, _DYNAMIC_V2 = 1, 2
_NULL_VARIANT = 255
_SHARED_VARIANT = "SharedVariant"


def split_arguments(text: str) -> list[str]:
    """The top-level arguments of a type, without the spaces around them."""
    parts, depth, current = [], 0, ""
    for piece in _ARGUMENT_TOKEN.findall(text):
        depth += (piece == "(") - (piece == ")")
        if piece == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += piece
    return [*parts, current.strip()] if current.strip() or parts else []


@lru_cache(maxsize=4096)
def column(type_name: str) -> Column:
    """How to step over a column of this type. Raises WireError for a type it does not know."""
    name, _, rest = type_name.strip().partition("(")
    arguments = split_arguments(rest.removesuffix(")")) if rest else []
    if name in _ALIASES:
        return column(_ALIASES[name])
    if name in _WIDTHS or name.startswith("Interval"):
        return _plain(_fixed(_WIDTHS.get(name, 8)))
    build = _BUILDERS.get(name)
    if build is None:
        raise WireError(f"columns of type {type_name[:200]!r} cannot be sent to this server")
    try:
        return build(arguments)
    except (IndexError, ValueError) as error:
        raise WireError(f"{type_name[:200]!r} is not a type: {error}") from error


def _plain(body: Body) -> Column:
    return lambda _cursor: body


def _fixed(width: int) -> Body:
    return lambda cursor, rows: cursor.skip(width * rows)


def _strings(cursor: Cursor, rows: int) -> None:
    cursor.skip_strings(rows)


def _string(_arguments: Sequence[str]) -> Column:
    return _plain(_strings)


def _fixed_string(arguments: Sequence[str]) -> Column:
    return _plain(_fixed(int(arguments[0])))


def _decimal(arguments: Sequence[str]) -> Column:
    digits = int(arguments[0])
    return _plain(_fixed(next((width for most, width in _DECIMALS if digits <= most), 32)))


def _nullable(arguments: Sequence[str]) -> Column:
    inner = column(arguments[0])

    def prefix(cursor: Cursor) -> Body:
        values = inner(cursor)

        def body(cursor: Cursor, rows: int) -> None:
            cursor.skip(rows)
            values(cursor, rows)

        return body

    return prefix


def _array_of(inner: Column) -> Column:
    def prefix(cursor: Cursor) -> Body:
        values = inner(cursor)

        def body(cursor: Cursor, rows: int) -> None:
            if rows:
                cursor.skip(8 * (rows - 1))
                values(cursor, cursor.uint(8))

        return body

    return prefix


def _array(arguments: Sequence[str]) -> Column:
    return _array_of(column(arguments[0]))


def _tuple_of(inners: Sequence[Column]) -> Column:
    def prefix(cursor: Cursor) -> Body:
        bodies = [inner(cursor) for inner in inners]

        def body(cursor: Cursor, rows: int) -> None:
            for values in bodies:
                values(cursor, rows)

        return body

    return prefix


def _unnamed(element: str) -> str:
    """`name Type` without its name."""
    return _NAMED.sub("", element, count=1) if _NAMED.match(element) else element


def _tuple(arguments: Sequence[str]) -> Column:
    if not arguments:
        return _plain(_fixed(1))
    return _tuple_of([column(_unnamed(element)) for element in arguments])


def _nested(arguments: Sequence[str]) -> Column:
    return _array_of(_tuple(arguments))


def _map(arguments: Sequence[str]) -> Column:
    return _array_of(_tuple_of([column(arguments[0]), column(arguments[1])]))


def _simple_aggregate(arguments: Sequence[str]) -> Column:
    return column(arguments[1])


def _low_cardinality(arguments: Sequence[str]) -> Column:
    inner = arguments[0]
    if inner.startswith("Nullable("):
        inner = inner[len("Nullable(") : -1]
    keys = column(inner)

    def prefix(cursor: Cursor) -> Body:
        if cursor.uint(8) != _LOW_CARDINALITY_VERSION:
            raise WireError("LowCardinality with an unknown version of its keys")
        return lambda cursor, rows: _low_cardinality_body(cursor, rows, keys)

    return prefix


def _low_cardinality_body(cursor: Cursor, rows: int, keys: Column) -> None:
    if not rows:
        return
    flags = cursor.uint(8)
    if not flags & _ADDITIONAL_KEYS:
        raise WireError("LowCardinality without its own dictionary")
    keys(cursor)(cursor, cursor.uint(8))
    indexes = cursor.uint(8)
    cursor.skip(indexes << (flags & 3))


def _variant_of(inners: Sequence[Column]) -> Column:
    """Discriminators (0..254, 255 is NULL), then the values of each variant in turn."""

    def prefix(cursor: Cursor) -> Body:
        if cursor.uint(8) != 0:
            raise WireError("Variant with compact discriminators")
        bodies = [inner(cursor) for inner in inners]

        def body(cursor: Cursor, rows: int) -> None:
            discriminators = cursor.read(rows)
            for number, values in enumerate(bodies):
                values(cursor, discriminators.count(number))

        return body

    return prefix


def _variant(arguments: Sequence[str]) -> Column:
    return _variant_of([column(name) for name in sorted(arguments)])


def _dynamic(_arguments: Sequence[str]) -> Column:
    return _dynamic_prefix


def _dynamic_prefix(cursor: Cursor) -> Body:
    version = cursor.uint(8)
    if version not in (_DYNAMIC_V1, _DYNAMIC_V2):
        raise WireError(f"Dynamic of serialization version {version}")
    if version == _DYNAMIC_V1:
        cursor.varint()
    names = [cursor.string(MAX_TYPE_BYTES) for _ in range(_count(cursor, _NULL_VARIANT))]
    variants = sorted([*names, _SHARED_VARIANT])
    shared = _plain(_strings)
    return _variant_of([shared if n == _SHARED_VARIANT else column(n) for n in variants])(cursor)


def _count(cursor: Cursor, most: int) -> int:
    number = cursor.varint()
    if number > most:
        raise WireError(f"a count of {number} where at most {most} is allowed")
    return number


def _is_typed_path(argument: str) -> bool:
    return not argument.startswith("SKIP ") and re.match(r"max_dynamic_\w+\s*=", argument) is None


def _typed_paths(arguments: Sequence[str]) -> list[Column]:
    """The declared paths of a JSON type, in the order of their names as the format has them."""
    typed = []
    for argument in filter(_is_typed_path, arguments):
        path, _, type_name = argument.rpartition(" ") if "(" not in argument else _cut(argument)
        typed.append((path.replace("`", ""), type_name))
    return [column(type_name) for _, type_name in sorted(typed)]


def _cut(argument: str) -> tuple[str, str, str]:
    head, _, tail = argument.partition("(")
    path, space, name = head.rpartition(" ")
    return path, space, f"{name}({tail}"


def _json(arguments: Sequence[str]) -> Column:
    typed = _typed_paths(arguments)

    def prefix(cursor: Cursor) -> Body:
        version = cursor.uint(8)
        if version == _OBJECT_STRING:
            return _strings
        if version not in (_OBJECT_V1, _OBJECT_V2):
            raise WireError(f"JSON of serialization version {version}")
        if version == _OBJECT_V1:
            cursor.varint()
        paths = _count(cursor, MAX_TYPE_BYTES)
        cursor.skip_strings(paths)
        shared = column("Array(Tuple(String, String))")
        return _tuple_of([*typed, *[_dynamic_prefix] * paths, shared])(cursor)

    return prefix


_BUILDERS: dict[str, Callable[[Sequence[str]], Column]] = {
    "String": _string,
    "FixedString": _fixed_string,
    "Decimal": _decimal,
    "Nullable": _nullable,
    "Array": _array,
    "Tuple": _tuple,
    "Nested": _nested,
    "Map": _map,
    "SimpleAggregateFunction": _simple_aggregate,
    "LowCardinality": _low_cardinality,
    "Variant": _variant,
    "Dynamic": _dynamic,
    "JSON": _json,
}
