"""An enriched event becomes a row of the table `events`; COLUMNS says which value goes where.

Nothing here does IO; eventrail.rows.stored turns rows into the columns that are inserted. What clickhouse-driver is
given: DateTime64(3) columns get whole milliseconds as int (the driver writes an int as it is, and a datetime costs it
several microseconds), Enum8 its number, UUID a UUID.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from eventrail.contract.v1.enriched_pb2 import (
    Agent,
    Bot,
    BotKind,
    Campaign,
    EnrichedEvent,
    Enrichment,
    EventType,
    Geo,
    Page,
    Referrer,
    Screen,
    VisitorSource,
)
from eventrail.errors import ContractError
from eventrail.rows.properties import properties

Row = tuple[Any, ...]
"""Values in the order of COLUMNS."""

NIL: Final = UUID(int=0)
LATEST_MS: Final = 10_413_791_999_999
"""2299-12-31T23:59:59.999Z, the end of DateTime64's range, in Unix milliseconds."""

_RECEIVED_BITS = 48
LAST_DAY: Final = 65_535
"""The end of Date's range, in days since 1970-01-01."""
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_EPOCH = date(1970, 1, 1)
BOT_KINDS: Final = frozenset(BotKind.values())
VISITOR_SOURCES: Final = frozenset(VisitorSource.values())
EVENT_TYPES: Final = frozenset({EventType.EVENT_TYPE_CUSTOM, EventType.EVENT_TYPE_PAGEVIEW})


def version(received_at_ms: int, revision: int = 0) -> int:
    """Rank of a copy among the copies of an event, for UInt64; the highest wins.

    A higher revision wins; within one, the copy that was accepted first. `received_at_ms` is from 0 to
    2**48 - 1, `revision` from 0 to 65,535.
    """
    return (revision << _RECEIVED_BITS) + ((1 << _RECEIVED_BITS) - 1 - received_at_ms)


@lru_cache(maxsize=4096)
def day(days: int) -> date:
    """Days since 1970-01-01 as a date, clamped to the range of ClickHouse's Date (1970-01-01 to 2149-06-06)."""
    return _EPOCH + timedelta(days=min(max(days, 0), LAST_DAY))


def days_of(day: date) -> int:
    """Days from 1970-01-01 to `day`."""
    return (day - _EPOCH).days


def identity(website_id: str, days: int, event_id: str, event_name: str) -> str:
    """A text that stands for the table's sort key: equal for copies of an event, and only for them."""
    # The website id and the day have no NUL, the UUID's text has a fixed length: no two keys give the same text.
    return f"{website_id}\0{days}\0{event_id}{event_name}"


def _uuid(text: str, field: str) -> UUID:
    if _UUID.fullmatch(text) is None:
        raise ContractError(f"{field} is no UUID in lower-case text form", rule=True)
    return UUID(int=int(text.replace("-", ""), 16))


def _moment(unix_ms: int, field: str) -> int:
    if not 0 <= unix_ms <= LATEST_MS:
        raise ContractError(f"{field} is outside the years 1970 to 2299", rule=True)
    return unix_ms


def _known(number: int, numbers: frozenset[int], field: str) -> int:
    if number not in numbers:
        raise ContractError(f"{field} {number} is not known", rule=True)
    return number


page_facts: Final[Callable[[Page], tuple[str, ...]]] = attrgetter("url", "host", "path", "query")
referrer_facts: Final[Callable[[Referrer], tuple[str, ...]]] = attrgetter("url", "domain")
campaign_facts: Final[Callable[[Campaign], tuple[str | bool, ...]]] = attrgetter(
    "source", "medium", "campaign", "term", "content", "click_id", "inherited"
)
place_facts: Final[Callable[[Geo], tuple[str, ...]]] = attrgetter("country", "region", "city")
agent_facts: Final[Callable[[Agent], tuple[str, ...]]] = attrgetter(
    "browser", "browser_version", "os", "os_version", "device_type"
)
enrichment_facts: Final[Callable[[Enrichment], tuple[int | str, ...]]] = attrgetter(
    "rules_version", "agent_rules", "geo_database"
)
"""What a row has of each part of an event, in the order of COLUMNS."""


def screen_facts(screen: Screen) -> tuple[int, int]:
    """screen_width, screen_height. Raises ContractError."""
    width, height = screen.width, screen.height
    if width > 65_535 or height > 65_535:
        raise ContractError("screen is larger than 65,535 pixels", rule=True)
    return width, height


def bot_facts(bot: Bot) -> tuple[int, str]:
    """bot_kind, bot_name. Raises ContractError."""
    return _known(bot.kind, BOT_KINDS, "bot.kind"), bot.name


def _identity(event: EnrichedEvent) -> Row:
    return (
        event.website_id,
        event.event_name,
        day(event.identity_day),
        _uuid(event.event_id, "event_id"),
        _known(event.event_type, EVENT_TYPES, "event_type"),
    )


def _times(event: EnrichedEvent) -> Row:
    received_at = _moment(event.received_at_ms, "received_at_ms")
    return _moment(event.timestamp_ms, "timestamp_ms"), received_at, version(received_at)


def _visit(event: EnrichedEvent) -> Row:
    session = event.session_id
    return (
        event.visitor_id,
        _known(event.visitor_source, VISITOR_SOURCES, "visitor_source"),
        _uuid(session, "session_id") if session else NIL,
        _moment(event.session_started_at_ms, "session_started_at_ms"),
    )


def _page(event: EnrichedEvent) -> Row:
    return *page_facts(event.page), *referrer_facts(event.referrer)


def _campaign(event: EnrichedEvent) -> Row:
    return *campaign_facts(event.campaign), event.channel


def _place(event: EnrichedEvent) -> Row:
    return place_facts(event.geo)


def _device(event: EnrichedEvent) -> Row:
    return *agent_facts(event.agent), event.language, *screen_facts(event.screen)


def _bot(event: EnrichedEvent) -> Row:
    return bot_facts(event.bot)


def _data(event: EnrichedEvent) -> Row:
    return event.event_data, *properties(event.event_data)


def _rules(event: EnrichedEvent) -> Row:
    return enrichment_facts(event.enrichment)


def _origin(event: EnrichedEvent) -> Row:
    raw = event.raw_position
    return raw.partition, raw.offset, raw.index


_GROUPS: Final[tuple[tuple[Callable[[EnrichedEvent], Row], str], ...]] = (
    (_identity, "website_id event_name identity_day event_id event_type"),
    (_times, "timestamp received_at version"),
    (_visit, "visitor_id visitor_source session_id session_started_at"),
    (_page, "url host path query referrer_url referrer_domain"),
    (
        _campaign,
        "utm_source utm_medium utm_campaign utm_term utm_content click_id campaign_inherited channel",
    ),
    (_place, "country region city"),
    (_device, "browser browser_version os os_version device_type language screen_width screen_height"),
    (_bot, "bot_kind bot_name"),
    (_data, "event_data property_keys property_types property_values event_shape"),
    (_rules, "rules_version agent_rules geo_database"),
    (_origin, "raw_partition raw_offset raw_index"),
)

COLUMNS: Final = (
    *(name for _, names in _GROUPS for name in names.split()),
    "enriched_partition",
    "enriched_offset",
    "retention_days",
)
"""What a reader finds of an event under these names in the table `events`, in the order of a Row.

eventrail.rows.stored tells which columns are written for them."""

_PARTS = tuple(part for part, _ in _GROUPS)


def row(event: EnrichedEvent, partition: int, offset: int, retention_days: int = 0) -> Row:
    """The row of `event`, read at `partition` and `offset` of the enriched topic; 0 days: it is kept without limit.

    Raises ContractError (a broken rule) that names the field for which no row can be made.
    """
    values: list[Any] = []
    for part in _PARTS:
        values += part(event)
    values += (partition, offset, retention_days)
    return tuple(values)
