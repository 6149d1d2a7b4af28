"""How queries read the properties of an event: SQL text that hides how the table `events` keeps them.

Every function takes the SQL of a key, which is a placeholder of the driver such as `%(p0)s` and never the key itself.
What it returns reads the COLUMNS of the row and nothing else, so a subquery below it needs to select only these.

Keys, types and texts are three arrays of one length (docs/adr/0016-the-events-table.md). Any of the expressions for
one key costs one search in the keys of each row, which the engine does on the numbers of a dictionary and once for all
expressions with the same key; what is read from disk is the three columns, or fewer as said below, whatever the key.
"""

from typing import Final

STRING: Final = "string"
NUMBER: Final = "number"
BOOLEAN: Final = "boolean"
ARRAY: Final = "array"
TYPES: Final = (STRING, NUMBER, BOOLEAN, ARRAY)
"""Types that a value can have. `null` and an empty object are no value: their key is not set."""

KEYS_COLUMN: Final = "property_keys"
TYPES_COLUMN: Final = "property_types"
TEXTS_COLUMN: Final = "property_values"
COLUMNS: Final = (KEYS_COLUMN, TYPES_COLUMN, TEXTS_COLUMN)
"""Physical columns that all expressions together need."""

EACH: Final = "ARRAY JOIN " + ", ".join(
    f"{column} AS {name}"
    for column, name in zip(COLUMNS, ("property_key", "property_type", "property_text"), strict=True)
)
"""Put behind FROM: one row per property of each event, with the columns `property_key` LowCardinality(String),
`property_type` Enum8 (the driver gives it as one of TYPES, and it compares with text) and `property_text` String.

Rows of the event without any property vanish. Reads COLUMNS; costs a row per property."""


def _number(type_: str, text: str) -> str:
    # A JSON number such as 1e999 has no Float64; an infinity would spoil every sum that it enters.
    number = f"toFloat64OrNull({text})"
    return f"if({type_} = '{NUMBER}' AND isFinite({number}), {number}, NULL)"


EACH_NUMBER: Final = _number("property_type", "property_text")
"""Behind EACH: the property as Nullable(Float64), NULL where it is no number or beyond the range of Float64."""


def _place(key: str) -> str:
    return f"indexOf({KEYS_COLUMN}, {key})"


def is_set(key: str) -> str:
    """UInt8: 1 where the event has the property. Reads only KEYS_COLUMN."""
    return f"has({KEYS_COLUMN}, {key})"


def type_of(key: str) -> str:
    """String: one of TYPES, '' where the property is not set. Reads KEYS_COLUMN and TYPES_COLUMN."""
    return f"toString({TYPES_COLUMN}[{_place(key)}])"


def has_type(key: str, type_: str) -> str:
    """UInt8: 1 where the property is set and of `type_`, one of TYPES; cheaper than comparing `type_of`."""
    if type_ not in TYPES:
        raise ValueError(f"no type of a property: {type_}")
    return f"({TYPES_COLUMN}[{_place(key)}] = '{type_}')"


def text(key: str) -> str:
    """String: the value, '' where the property is not set (and where it is the empty string: see `is_set`).

    Numbers stand as the JSON wrote them, booleans as `true` and `false`, arrays as compact JSON.
    Reads KEYS_COLUMN and TEXTS_COLUMN.
    """
    return f"{TEXTS_COLUMN}[{_place(key)}]"


def number(key: str) -> str:
    """Nullable(Float64): the value, NULL where it is not set, no number, or beyond the range of Float64.

    Integers above 2**53 lose their last digits here, never in `text`. Reads COLUMNS; costs parsing the text.
    """
    return _number(f"{TYPES_COLUMN}[{_place(key)}]", text(key))
