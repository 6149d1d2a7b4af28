"""Random events for every endpoint's oracle: as they are sent, as plain Python sees them, and as rows.

Use: `history = random_history(random.Random(seed), size)`; `insert(table, website, block)` for each of
`history.blocks`; `history.events` are the events that plain Python counts, each once. Nothing here imports the query
API; rows are made by the writer's own code, so what is stored is what the pipeline stores.

- An `Event` is one copy. `history.blocks` hold all copies, dealt to several inserts: an event has up to three contents
  with versions of their own, each of them up to twice, in several months and with other timestamps, names of bots and
  properties. The copy with the highest version is the event.
- `Event.dimensions` has the text of every dimension by its public name, "" where it is not set.
- `Event.properties` has (type, text) by dotted key, read from the JSON text by a reader of its own (`flattened`).
- Names, keys and texts are drawn from small pools, so that filters meet something; HOSTILE ones are among them.
- Timestamps lie in WINDOW and gather around the nights in which clocks change, to the millisecond.
"""

import json
import random
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from clickhouse_driver import Client

from eventrail.contract.v1.enriched_pb2 import BotKind, EnrichedEvent, EventType
from eventrail.rows.events import COLUMNS, row, version
from eventrail.rows.stored import STORED_COLUMNS, stored_columns

HOSTILE: Final = (
    "", "*", "a.b", "'", '"', "\\", "\\'", "a'; DROP TABLE events; --", "%(website_id)s", "%", "%%s", "{bucket}",
    "\0", "\n", "\t", "\u2028", "é", "e\u0301", "😀", "SELECT 1", "$.a[0]", "null", "true", "1e400", "\x7f",
    "\\N", "`", "?", "a[gt]", "[", "_", "É", "ß",
)  # fmt: skip
NUMBERS: Final = (
    "0", "-0", "1", "2", "-7", "49.9", "49.90", "1e3", "1000", "1E-7", "12345678901234567890", "12345678901234567891",
    "9007199254740993", "1e400", "-1e999", "3.0", "0.1", "1e15",
)  # fmt: skip
"""As JSON writes them. Two have no Float64, several are one number."""

WINDOW: Final = (
    int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000),
    int(datetime(2026, 4, 12, tzinfo=UTC).timestamp() * 1000),
)
NIGHTS: Final = (
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Asia/Beirut", date(2026, 3, 29)),
    ("America/Nuuk", date(2026, 3, 28)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/Santiago", date(2026, 4, 4)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Asia/Kolkata", date(2026, 3, 15)),
    ("UTC", date(2026, 3, 31)),
)
"""Days of WINDOW on which clocks change, and two on which they do not."""

NIL_SESSION: Final = str(uuid.UUID(int=0))
_TYPES = {"custom": EventType.EVENT_TYPE_CUSTOM, "pageview": EventType.EVENT_TYPE_PAGEVIEW}
_BOTS = {
    "": BotKind.BOT_KIND_UNSPECIFIED,
    "crawler": BotKind.BOT_KIND_CRAWLER,
    "headless": BotKind.BOT_KIND_HEADLESS,
    "library": BotKind.BOT_KIND_LIBRARY,
}
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Event:
    """One copy of an event; moments are Unix milliseconds, `data` is the JSON text of its properties or ""."""

    name: str
    event_id: str
    day: date
    timestamp_ms: int
    received_ms: int
    revision: int
    dimensions: Mapping[str, str]
    data: str = ""
    type: str = "custom"

    @property
    def version(self) -> int:
        """Rank among the copies of an event; two copies with one version are the same."""
        return version(self.received_ms, self.revision)

    @cached_property
    def properties(self) -> dict[str, tuple[str, str]]:
        """Type and text by dotted key."""
        return flattened(self.data)


@dataclass
class History:
    """All copies in the blocks in which they are inserted."""

    names: list[str]
    blocks: list[list[Event]] = field(default_factory=lambda: [[], [], []])

    @property
    def events(self) -> list[Event]:
        """Each event once."""
        return winners(copy for block in self.blocks for copy in block)


class _Number(str):
    __slots__ = ()


def flattened(data: str) -> dict[str, tuple[str, str]]:
    """Type and text by dotted key of the JSON text of an object, "" for none; null and empty objects are no value."""
    found: dict[str, tuple[str, str]] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                walk(item, f"{path}.{name}" if path is not root else name)
        elif isinstance(value, _Number):
            found[path] = ("number", str(value))
        elif isinstance(value, str):
            found[path] = ("string", value)
        elif isinstance(value, bool):
            found[path] = ("boolean", str(value).lower())
        elif isinstance(value, list):
            found[path] = ("array", compact(value))

    root = "".join(["the", " root"])  # told apart by identity: any text may be a key
    walk(json.loads(data or "{}", parse_int=_Number, parse_float=_Number), root)
    return found


def compact(value: Any) -> str:
    """JSON text without spaces; numbers as they stand in the sent text."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(compact(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def winners(copies: Iterable[Event]) -> list[Event]:
    """The copy with the highest version of each event."""
    best: dict[Any, Event] = {}
    for copy in copies:
        key = (copy.name, copy.day, copy.event_id)
        if key not in best or copy.version > best[key].version:
            best[key] = copy
    return list(best.values())


def insert(table: Client, website: str, copies: Sequence[Event]) -> None:
    """Write `copies` in one block, as the writer makes rows of them, but with the versions that they say."""
    if copies:
        values = stored_columns([_row(website, copy) for copy in copies])
        table.execute(f"INSERT INTO events ({', '.join(STORED_COLUMNS)}) VALUES", values, columnar=True)


_VERSION = COLUMNS.index("version")


def _row(website: str, copy: Event) -> tuple[Any, ...]:
    values = list(row(_enriched(website, copy), 0, 0))
    values[_VERSION] = copy.version
    return tuple(values)


def _enriched(website: str, copy: Event) -> EnrichedEvent:
    facts = copy.dimensions
    event = EnrichedEvent(
        website_id=website, event_id=copy.event_id, event_type=_TYPES[copy.type], event_name=copy.name,
        timestamp_ms=copy.timestamp_ms, received_at_ms=copy.received_ms, identity_day=(copy.day - _EPOCH).days,
        event_data=copy.data, visitor_id=facts["visitor_id"], session_id=facts["session_id"],
        language=facts["language"], channel=facts["channel"],
    )  # fmt: skip
    event.bot.kind, event.bot.name = _BOTS[facts["bot"]], facts["bot_name"]
    event.page.url, event.page.host, event.page.path = facts["url"], facts["host"], facts["path"]
    event.referrer.url, event.referrer.domain = facts["referrer_url"], facts["referrer"]
    event.geo.country, event.geo.region, event.geo.city = facts["country"], facts["region"], facts["city"]
    event.agent.device_type = facts["device"]
    for name in ("browser", "browser_version", "os", "os_version"):
        setattr(event.agent, name, facts[name])
    for name in ("source", "medium", "campaign", "term", "content"):
        setattr(event.campaign, name, facts[f"utm_{name}"])
    event.campaign.click_id = facts["click_id"]
    if facts["screen"]:
        event.screen.width, event.screen.height = map(int, facts["screen"].split("x"))
    return event


KEYS: Final = ("plan", "amount", "ok", "nested.deep", *HOSTILE[:9], "a[gt]", "é", "\0")
"""Keys of properties; `data` nests those with a dot now and then."""

POOLS: Final[Mapping[str, Sequence[str]]] = {
    "country": ("DE", "AT", "US", ""), "region": ("Bavaria", ""), "city": ("München", "Graz", ""),
    "browser": ("Chrome", "Safari"), "browser_version": ("120.0", ""), "os": ("Android", "iOS", ""),
    "os_version": ("14", ""), "device": ("desktop", "mobile", ""), "language": ("en-GB", "de", ""),
    "screen": ("1920x1080", "390x844", ""), "url": ("https://shop.example/a?b=1", ""), "host": ("shop.example", ""),
    "path": ("/", "/a", "/Pricing", *HOSTILE[:12]), "referrer": ("google.com", ""),
    "referrer_url": ("https://google.com/", ""),
    "channel": ("Direct", "Organic Search"), "utm_source": ("news", "News", ""), "utm_medium": ("email", ""),
    "utm_campaign": ("spring", *HOSTILE), "utm_term": ("", "shoes"), "utm_content": ("",), "click_id": ("gclid", ""),
    "bot": ("", "", "", "crawler", "headless", "library"), "bot_name": ("", "Googlebot"),
    "visitor_id": ("", "v1", "v2", "v3", "v4"), "session_id": ("", str(uuid.UUID(int=1)), str(uuid.UUID(int=2))),
}  # fmt: skip
"""Texts of each dimension."""


def random_history(dice: random.Random, size: int) -> History:
    """`size` events with all their copies."""
    history = History(
        dice.sample(["signup", "purchase", "Sign up", "x" * 255, *filter(str.strip, HOSTILE)], 3)
    )
    for _ in range(size):
        for copy in _copies(dice, history.names):
            for _again in range(dice.choice((1, 1, 1, 2))):
                dice.choice(history.blocks).append(copy)
    return history


def _copies(dice: random.Random, names: Sequence[str]) -> list[Event]:
    first = Event(
        name=dice.choice(names),
        event_id=str(uuid.UUID(int=dice.getrandbits(128))),
        day=date(2026, 3, 1) + timedelta(days=dice.randrange(40)),
        timestamp_ms=random_moment(dice),
        received_ms=WINDOW[0] + dice.randrange(90) * 86_400_000,
        revision=dice.getrandbits(16),
        dimensions=_consistent({name: dice.choice(pool) for name, pool in POOLS.items()}),
        data=random_data(dice),
        type=dice.choice(("custom",) * 5 + ("pageview",)),
    )
    copies = [first]
    while dice.random() < 0.3:
        changed = dict(first.dimensions)
        for name in dice.sample(sorted(changed), 3):
            changed[name] = dice.choice(POOLS[name])
        copies.append(
            replace(
                first,
                timestamp_ms=random_moment(dice),
                received_ms=WINDOW[0] + dice.randrange(90) * 86_400_000,
                revision=dice.getrandbits(16),
                dimensions=_consistent(changed),
                data=random_data(dice),
            )
        )
    return copies


def _consistent(facts: dict[str, str]) -> dict[str, str]:
    # Where there is a host there is the url that it was read from.
    return (
        {**facts, "url": facts["url"] or f"https://{facts['host']}{facts['path']}"}
        if facts["host"]
        else facts
    )


def random_moment(dice: random.Random) -> int:
    """A moment of WINDOW, often near a midnight or a change of clocks."""
    if dice.random() < 0.4:
        return dice.randrange(*WINDOW)
    zone, day = dice.choice(NIGHTS)
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) + timedelta(
        days=dice.choice((0, 1))
    )
    hours = dice.choice((0, 0, 1, 2, 3, dice.randrange(24)))
    return (
        int(midnight.timestamp() * 1000)
        + hours * 3_600_000
        + dice.choice((-1, 0, 0, 1, dice.randrange(3_600_000)))
    )


def random_data(dice: random.Random) -> str:
    """The JSON text of an object of properties, "" now and then."""
    if dice.random() < 0.1:
        return ""
    keys = dice.sample(KEYS, dice.randrange(5))
    members = [f"{json.dumps(key)}:{_random_value(dice)}" for key in keys]
    if dice.random() < 0.3:
        members.append(f'"nested":{{"deep":{_random_value(dice)},"":{{}},"none":null}}')
    return "{" + ", ".join(members) + "}"


def _random_value(dice: random.Random) -> str:
    kind = dice.random()
    if kind < 0.4:
        return dice.choice(NUMBERS)
    if kind < 0.55:
        return dice.choice(("true", "false"))
    if kind < 0.65:
        return dice.choice(("[]", '["a", 1.50, true]', '[[1], "é"]', "null", "{}"))
    return json.dumps(dice.choice((*HOSTILE, "pro", "Pro", "free", *NUMBERS, "false")))
