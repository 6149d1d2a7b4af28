"""Many enriched events become columns at once: of the rows that eventrail.rows.events.row would make, none is made.

Parts that repeat from event to event (page, campaign, place, device) are decoded once for all events that have the same
bytes of them, and rules are checked for whole columns. Pure. The tests hold it against `row` and `stored_columns`.
"""

import sys
from array import array
from binascii import unhexlify
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import pairwise
from operator import attrgetter, itemgetter, sub
from typing import Any, Final, TypeVar, overload
from uuid import UUID

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.message import Message

from eventrail.contract.v1 import enriched_pb2
from eventrail.contract.v1.enriched_pb2 import (
    Agent,
    Bot,
    Campaign,
    EnrichedEvent,
    Enrichment,
    Geo,
    Page,
    Referrer,
    Screen,
)
from eventrail.errors import ContractError
from eventrail.rows import events
from eventrail.rows.events import COLUMNS, LAST_DAY, LATEST_MS, Row, day, days_of, identity, version
from eventrail.rows.packed_uuids import PackedUuids
from eventrail.rows.properties import Properties, properties
from eventrail.rows.stored import (
    STORED_COLUMNS,
    copy_ranks,
    joined,
    other_event_data,
    other_url,
    start_offsets,
    stored_columns,
    time_of_id,
)

K = TypeVar("K", bound=Hashable)

Column = Sequence[Any]
Facts = Mapping[str, Any]

_TOGETHER: Final = 100
"""Events that are decoded before the next step: so few that they stay in the processor's cache."""
_MOST_PARTS: Final = 10_000
_LONGEST_PART: Final = 300
"""Bytes; longer ones are rare, and each would stand in memory."""

_NIL_TEXT: Final = str(events.NIL)
_UUID_LENGTH: Final = 36
_DASHES: Final = (8, 13, 18, 23)

_READ: Final = {
    "website_id": "website_id",
    "event_name": "event_name",
    "identity_day": "days",
    "event_id": "event_id",
    "event_type": "event_type",
    "timestamp_ms": "timestamp",
    "received_at_ms": "received_at",
    "visitor_id": "visitor_id",
    "visitor_source": "visitor_source",
    "session_id": "session_id",
    "session_started_at_ms": "session_started_at",
    "channel": "channel",
    "language": "language",
    "event_data": "event_data",
    "raw_position.partition": "raw_partition",
    "raw_position.offset": "raw_offset",
    "raw_position.index": "raw_index",
    "page": "page",
    "referrer": "referrer",
    "campaign": "campaign",
    "geo": "geo",
    "agent": "agent",
    "screen": "screen",
    "bot": "bot",
    "enrichment": "enrichment",
}
"""Fields of an event, and what they are called here."""

_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "page": ("url", "host", "path", "query", "other_url"),
    "referrer": ("referrer_url", "referrer_domain"),
    "campaign": (
        *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
        *("click_id", "campaign_inherited"),
    ),
    "geo": ("country", "region", "city", "place"),
    "device": (
        *("browser", "browser_version", "os", "os_version", "device_type"),
        *("screen_width", "screen_height", "device"),
    ),
    "bot": ("bot_kind", "bot_name"),
    "enrichment": ("rules_version", "agent_rules", "geo_database"),
}
_PROPERTIES: Final = dict(
    zip(
        Properties._fields, ("property_keys", "property_types", "property_values", "event_shape"), strict=True
    )
)
_IDENTITY: Final = ("website_id", "days", "event_id", "event_name")


def _with_parts_unread() -> type[Message]:
    """EnrichedEvent with each part as the bytes that it has on the wire; `raw_position` is never the same twice."""
    file = FileDescriptorProto()
    enriched_pb2.DESCRIPTOR.CopyToProto(file)
    [event] = [each for each in file.message_type if each.name == EnrichedEvent.DESCRIPTOR.name]
    for field in event.field:
        if field.type == FieldDescriptorProto.TYPE_MESSAGE and field.name != "raw_position":
            field.type = FieldDescriptorProto.TYPE_BYTES
            field.ClearField("type_name")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(EnrichedEvent.DESCRIPTOR.full_name))


_parse: Final[Callable[[bytes], Any]] = _with_parts_unread().FromString
_fields: Final = attrgetter(*_READ)


class _Remembered(dict[K, tuple[Any, ...]]):
    """The facts of a part by its bytes; forgets all of them when there are too many."""

    def __init__(self, make: Callable[[K], tuple[Any, ...]], size: Callable[[K], int]) -> None:
        self._make = make
        self._size = size

    def __missing__(self, key: K) -> tuple[Any, ...]:
        facts = self._make(key)
        if self._size(key) <= _LONGEST_PART:
            if len(self) >= _MOST_PARTS:
                self.clear()
            self[key] = facts
        return facts


def _page(data: bytes) -> tuple[Any, ...]:
    facts = events.page_facts(Page.FromString(data))
    return *facts, other_url(*facts)


def _place(data: bytes) -> tuple[Any, ...]:
    facts = events.place_facts(Geo.FromString(data))
    return *facts, joined(facts)


def _device(data: tuple[bytes, bytes]) -> tuple[Any, ...]:
    agent, screen = Agent.FromString(data[0]), Screen.FromString(data[1])
    facts = (*events.agent_facts(agent), *events.screen_facts(screen))
    return *facts, joined(facts)


_REMEMBERED: Final[Mapping[str, _Remembered[Any]]] = {
    "page": _Remembered(_page, len),
    "referrer": _Remembered(lambda data: events.referrer_facts(Referrer.FromString(data)), len),
    "campaign": _Remembered(lambda data: events.campaign_facts(Campaign.FromString(data)), len),
    "geo": _Remembered(_place, len),
    "device": _Remembered(_device, lambda data: sum(map(len, data))),
    "bot": _Remembered(lambda data: events.bot_facts(Bot.FromString(data)), len),
    "enrichment": _Remembered(lambda data: events.enrichment_facts(Enrichment.FromString(data)), len),
}


class Columns(Sequence[Row]):
    """Rows that stand as columns; taken one by one, each is what `row` makes of its event.

    `facts` are those that an event has as they are, and its parts as tuples of theirs.
    """

    def __init__(self, facts: Mapping[str, Column]) -> None:
        self._facts = facts

    def __len__(self) -> int:
        return len(self._facts["website_id"])

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | Sequence[Row]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        return _row({name: column[place] for name, column in self._facts.items()})

    def values(self, name: str) -> Column:
        """The column `name`: one of COLUMNS that is no fact of a part, and no id or day."""
        return self._facts[name]

    @property
    def identities(self) -> Sequence[str]:
        """What eventrail.rows.events.identity says of each."""
        return self._facts["identity"]

    def take(self, numbers: Sequence[int]) -> "Columns":
        """The rows with these numbers, which ascend; quick where most of them are neighbours."""
        runs = _runs(numbers)
        return Columns({name: _put_together(column, runs) for name, column in self._facts.items()})

    def stored(self) -> list[Column]:
        """The values of each of STORED_COLUMNS, as eventrail.columnar takes them."""
        made = {**self._facts, **_stored_parts(self._facts), **_stored(self._facts)}
        return [made[name] for name in STORED_COLUMNS]


def columns(
    values: Sequence[bytes], partitions: Sequence[int], offsets: Sequence[int], days: Callable[[str], int]
) -> Columns:
    """The rows of the records with these values (at least one), read at these places of the enriched topic.

    `days` tells by website how long it keeps events. Raises where one of them makes no row (ContractError, or an error
    of protobuf or Python): `row` tells which and why. Of a part that stands twice in a record, which no serializer
    writes, the last one counts.
    """
    facts = _read(values)
    _check(facts)
    facts["days"] = [min(max(number, 0), LAST_DAY) for number in facts["days"]]
    facts["event_id_high"], facts["event_id_low"] = _halves(facts["event_id"])
    facts["session_id"] = [text or _NIL_TEXT for text in facts["session_id"]]
    facts["session_high"], facts["session_low"] = _halves(facts["session_id"])
    facts["version"] = list(map(version, facts["received_at"]))
    facts["identity"] = list(map(identity, *(facts[name] for name in _IDENTITY)))
    facts["retention_days"] = list(map(days, facts["website_id"]))
    facts["enriched_partition"], facts["enriched_offset"] = partitions, offsets
    return Columns(facts)


def _read(values: Sequence[bytes]) -> dict[str, Column]:
    read: list[list[Any]] = [[] for _ in _READ]
    for begin in range(0, len(values), _TOGETHER):
        some = map(_fields, map(_parse, values[begin : begin + _TOGETHER]))
        for column, more in zip(read, zip(*some, strict=True), strict=True):
            column.extend(more)
    facts: dict[str, Column] = dict(zip(_READ.values(), read, strict=True))
    facts["device"] = list(zip(facts.pop("agent"), facts.pop("screen"), strict=True))
    for name, remembered in _REMEMBERED.items():
        facts[name] = list(map(remembered.__getitem__, facts[name]))
    of_data = list(map(properties, facts["event_data"]))
    for place, name in enumerate(_PROPERTIES.values()):
        facts[name] = list(map(itemgetter(place), of_data))
    return facts


def _check(facts: Mapping[str, Column]) -> None:
    moments = [facts[name] for name in ("timestamp", "received_at", "session_started_at")]
    if (
        "" in facts["website_id"]
        or not events.EVENT_TYPES.issuperset(facts["event_type"])
        or not events.VISITOR_SOURCES.issuperset(facts["visitor_source"])
        or min(map(min, moments)) < 0
        or max(map(max, moments)) > LATEST_MS
    ):
        raise ContractError("one of the events breaks a rule", rule=True)


def _halves(uuids: Sequence[str]) -> tuple["array[int]", "array[int]"]:
    """First halves and second ones. Raises ContractError or ValueError where one is no UUID in lower-case form."""
    whole = "".join(uuids)
    digits = whole.replace("-", "")
    if (
        set(map(len, uuids)) != {_UUID_LENGTH}
        or len(digits) != (_UUID_LENGTH - len(_DASHES)) * len(uuids)
        or any(whole[place::_UUID_LENGTH].strip("-") for place in _DASHES)
        or whole != whole.lower()
    ):
        raise ContractError("one of the ids is no UUID in lower-case text form", rule=True)
    halves = array("Q", unhexlify(digits))
    if sys.byteorder == "little":
        halves.byteswap()
    return halves[::2], halves[1::2]


def _runs(numbers: Sequence[int]) -> list[slice]:
    """Slices that have these numbers, which ascend."""
    if not numbers:
        return []
    ends = [place for place, (one, other) in enumerate(pairwise(numbers), 1) if other != one + 1]
    return [slice(numbers[begin], numbers[end - 1] + 1) for begin, end in pairwise([0, *ends, len(numbers)])]


def _put_together(column: Column, runs: Iterable[slice]) -> Column:
    found: array[Any] | list[Any] = column[:0] if isinstance(column, array) else []
    for run in runs:
        found.extend(column[run])
    return found


def _row(one: Facts) -> Row:
    named = {
        **one,
        "identity_day": day(one["days"]),
        "event_id": UUID(one["event_id"]),
        "session_id": UUID(one["session_id"]),
    }
    for part, names in _PARTS.items():
        named |= zip(names, one[part], strict=True)
    return tuple(named[name] for name in COLUMNS)


def _stored_parts(facts: Facts) -> dict[str, Column]:
    return {
        name: list(map(itemgetter(place), facts[part]))
        for part, names in _PARTS.items()
        for place, name in enumerate(names)
        if name in STORED_COLUMNS
    }


def _stored(facts: Facts) -> dict[str, Column]:
    times = list(map(time_of_id, facts["event_id_high"], facts["event_id_low"], facts["days"]))
    sessions = array("Q", bytes(16 * len(times)))
    sessions[::2], sessions[1::2] = facts["session_high"], facts["session_low"]
    return {
        "identity_day": array("H", facts["days"]),
        "timestamp_offset": list(map(sub, facts["timestamp"], times)),
        "copy_rank": copy_ranks(facts["version"], times),
        "session_id": PackedUuids(sessions),
        "session_start_offset": start_offsets(facts["session_started_at"], facts["session_high"]),
        "other_event_data": other_event_data(facts["event_shape"], facts["event_data"]),
    }


def values_of(rows: Sequence[Row], name: str) -> Column:
    """The column `name` of rows in either form; see Columns.values."""
    if isinstance(rows, Columns):
        return rows.values(name)
    place = COLUMNS.index(name)
    return [row[place] for row in rows]


def identities_of(rows: Sequence[Row]) -> Sequence[str]:
    """What eventrail.rows.events.identity says of each of `rows`, in either form."""
    if isinstance(rows, Columns):
        return rows.identities
    keys = (values_of(rows, name) for name in ("website_id", "identity_day", "event_id", "event_name"))
    return [
        identity(website, days_of(day), str(event_id), name)
        for website, day, event_id, name in zip(*keys, strict=True)
    ]


def taken(rows: Sequence[Row], numbers: Sequence[int]) -> Sequence[Row]:
    """The rows with these numbers, which ascend; in the form of `rows`."""
    if len(numbers) == len(rows):
        return rows
    return rows.take(numbers) if isinstance(rows, Columns) else [rows[number] for number in numbers]


def stored(rows: Sequence[Row]) -> list[Column]:
    """The values of each of STORED_COLUMNS, of `rows` (at least one) in either form, for eventrail.columnar."""
    return rows.stored() if isinstance(rows, Columns) else stored_columns(rows)
