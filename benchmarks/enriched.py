"""The shop (benchmarks/shop.py) as the enricher puts it on its topic: a day of it, for a writer that fell behind.

Events, visitors, pages, properties and copies are the shop's; their times are moved by whole days to its last one,
those of one event in a hundred to one of the nine days before it, as late events are.
"""

from collections.abc import Iterator
from typing import Any, Final

from clickhouse_driver import Client

from benchmarks import shop
from eventrail.clock import MS_PER_DAY
from eventrail.contract.codec import enriched_headers, enriched_key
from eventrail.contract.v1.enriched_pb2 import BotKind, EnrichedEvent, EventType, VisitorSource
from eventrail.kafka.records import Record

_LAST_DAY_MS: Final = shop.FIRST_DAY_MS + (shop.DAYS - 1) * MS_PER_DAY
_LATE: Final = 100
_LATE_DAYS: Final = 10
_AT_ONCE: Final = 50_000
_OF_EVENT: Final = {
    "website_id": "website_id",
    "event_name": "event_name",
    "event_data": "event_data",
    "visitor_id": "visitor_id",
    "language": "language",
    "channel": "channel",
}
_OF_PARTS: Final = {
    "page": {"url": "url", "host": "host", "path": "path", "query": "query"},
    "referrer": {"url": "referrer_url", "domain": "referrer_domain"},
    "campaign": {
        "source": "utm_source",
        "medium": "utm_medium",
        "campaign": "utm_campaign",
        "inherited": "campaign_inherited",
    },
    "geo": {"country": "country", "region": "region", "city": "city"},
    "agent": {
        "browser": "browser",
        "browser_version": "browser_version",
        "os": "os",
        "os_version": "os_version",
        "device_type": "device_type",
    },
    "screen": {"width": "screen_width", "height": "screen_height"},
    "raw_position": {"partition": "raw_partition", "offset": "raw_offset", "index": "raw_index"},
    "enrichment": {
        "rules_version": "rules_version",
        "agent_rules": "agent_rules",
        "geo_database": "geo_database",
    },
}
_NUMBERS: Final = {
    "at_ms": "toUnixTimestamp64Milli(timestamp)",
    "received_ms": "toUnixTimestamp64Milli(received_at)",
    "started_ms": "toUnixTimestamp64Milli(session_started_at)",
    "id_text": "toString(event_id)",
    "session_text": "toString(session_id)",
    "bot": "bot_name",
    "partition": "enriched_partition",
}
_COLUMNS: Final = (*_OF_EVENT.values(), *(name for part in _OF_PARTS.values() for name in part.values()))
_SQL: Final = ", ".join((*_COLUMNS, *(f"{sql} AS {name}" for name, sql in _NUMBERS.items())))


def records(client: Client, events: int, seed: int = 1) -> Iterator[tuple[int, Record]]:
    """Records of about `events` events, each with a number by which a partition can be chosen; some 40 µs for each.

    `client` is for any ClickHouse: the rows are made in it, from no table.
    """
    for first in range(0, events, _AT_ONCE):
        made = shop.source(first, min(_AT_ONCE, events - first), events, seed=seed)
        for values in client.execute(f"SELECT {_SQL} FROM ({made}) ORDER BY received_at"):  # noqa: S608
            row = dict(zip((*_COLUMNS, *_NUMBERS), values, strict=True))
            event = _event(row)
            # Without a time of its own: Kafka would soon remove what is older than the topic keeps.
            record = Record(event.SerializeToString(), enriched_key(event), enriched_headers(event))
            yield row["partition"], record


def _event(row: dict[str, Any]) -> EnrichedEvent:
    moved = _moved_by(row)
    event = EnrichedEvent(
        **{field: row[name] for field, name in _OF_EVENT.items()},
        event_type=EventType.EVENT_TYPE_CUSTOM,
        event_id=_later(row["id_text"], moved),
        timestamp_ms=row["at_ms"] + moved,
        received_at_ms=row["received_ms"] + moved,
        identity_day=(row["at_ms"] + moved) // MS_PER_DAY,
        session_id=_later(row["session_text"], moved),
        session_started_at_ms=row["started_ms"] + moved,
        visitor_source=VisitorSource.VISITOR_SOURCE_HASH,
    )
    for part, fields in _OF_PARTS.items():
        for field, name in fields.items():
            if row[name]:
                setattr(getattr(event, part), field, row[name])
    if row["bot"]:
        event.bot.kind, event.bot.name = BotKind.BOT_KIND_HEADLESS, row["bot"]
    return event


def _moved_by(row: dict[str, Any]) -> int:
    moved: int = _LAST_DAY_MS - row["at_ms"] // MS_PER_DAY * MS_PER_DAY
    late = int(row["visitor_id"][:8], 16) % _LATE == 0
    return moved - moved % (_LATE_DAYS * MS_PER_DAY) if late else moved


def _later(uuid: str, ms: int) -> str:
    """The id with its time, which stands in the first 48 bits, moved."""
    time = f"{int(uuid[:8] + uuid[9:13], 16) + ms:012x}"
    return f"{time[:8]}-{time[8:]}{uuid[13:]}"
