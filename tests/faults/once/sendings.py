"""An event as its client holds it, the many ways in which it is sent, and the real code from its body to its rows.

Nothing here does IO: the collector's intake, the enricher's pipeline and the writer's rows are called as they are.
"""

import gzip
import json
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st

from collector.access import Shown
from collector.app import make_intake
from collector.client_address import Address
from collector.event_ids import EventIds
from collector.intake import Client, Intake
from collector.limits import BODY_MAX_BYTES
from collector.settings import CollectorSettings
from collector.unpacking import gunzip
from enricher.chunk import RawRecord, process
from enricher.enrichments import versions
from enricher.lookups.agents import AgentFacts, AgentLookup
from enricher.lookups.geo import GeoLookup
from enricher.lookups.visitor_ids import VisitorIds
from enricher.sessions import Overlay
from enricher.world import MemorySessionStore, World
from eventrail.clock import MS_PER_DAY
from eventrail.contract.codec import decode_enriched
from eventrail.contract.v1.raw_pb2 import ClientHints, RawEvents
from eventrail.rows.events import Row, row
from eventrail.sealing import AddressOpener

KEYS = {"k1": b"k" * 32}
MINUTE = 60_000
NOW_MS = 1_790_000_000_000
"""2026-09-21: when most of the sendings begin."""
FARTHEST_MS = 8_640_000_000_000_000
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@dataclass(frozen=True)
class Original:
    """What makes the event: kept by its client for all tries.

    `moment_ms` is its own time in Unix milliseconds, None where it sends none; `event_id` its own id,
    "" where the collector gives one with the first answer.
    """

    website: str
    name: str
    moment_ms: int | None
    event_id: str
    data: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[str, str, int, str]:
        """Its place in the table, worked out without the product's code; only where id or time are its own."""
        at_ms = self.moment_ms
        if at_ms is None:
            at_ms = int(self.event_id.replace("-", "")[:12], 16)
        return self.website, self.name, min(max(at_ms // MS_PER_DAY, 0), 65_535), self.event_id


@dataclass(frozen=True)
class Sending:
    """One try: everything that may differ from the try before it.

    `received_ms` is the collector's clock, `off_ms` how wrong the client's clock is (None: it does not say).
    """

    received_ms: int
    off_ms: int | None
    address: str
    agent: str
    visitor_id: str
    opted_out: bool
    collector: int
    world: int
    before: int
    behind: int
    packed: bool
    partition: int
    offset: int
    style: int


@dataclass
class Tries:
    """The sendings of one event, one after the other: an id that an answer gave is sent from then on."""

    original: Original
    rows: list[Row] = field(default_factory=list)
    event_id: str = ""

    def send(self, sending: Sending) -> Row:
        """The row that this try becomes. Fails where it is not accepted."""
        dice = random.Random(sending.style)
        body, place = _body(self.original, self.original.event_id or self.event_id, sending, dice)
        if sending.packed:
            body = gunzip(gzip.compress(body), BODY_MAX_BYTES)
        taken = COLLECTORS[sending.collector].take(body, _client(sending), sending.received_ms)
        assert place in taken.indexes, taken.rejected
        found = taken.indexes.index(place)
        self.event_id = taken.event_ids[found]
        together = (
            [event.value for event in taken.events] if dice.random() < 0.5 else [taken.events[found].value]
        )
        self.rows.append(_enriched(together, together.index(taken.events[found].value), sending))
        return self.rows[-1]


def _body(original: Original, event_id: str, sending: Sending, dice: random.Random) -> tuple[bytes, int]:
    """A body that holds the event, and its place there."""
    alone = sending.before + sending.behind == 0
    member = _member(original, event_id, sending, dice)
    others = [_neighbour(dice) for _ in range(sending.before + sending.behind)]
    members = [*others[: sending.before], member, *others[sending.before :]]
    whole: Any = member if alone and dice.random() < 0.5 else members
    text = json.dumps(whole, ensure_ascii=dice.random() < 0.5, indent=dice.choice([None, 1]))
    return text.encode(errors="surrogatepass"), sending.before


def _member(original: Original, event_id: str, sending: Sending, dice: random.Random) -> dict[str, Any]:
    pad = dice.choice(["", " ", "\t\n", "\u2003"])
    data = dict(original.data)
    facts: dict[str, Any] = {
        "website_id": original.website,
        dice.choice(["event_type", "type"]): dice.choice(["custom", "event"]),
        "event_name": f"{pad}{original.name}{pad}",
        "event_data": json.dumps(data) if dice.random() < 0.5 else data,
        "url": dice.choice([None, "/a", "https://shop.example/b?utm_source=s&gclid=x"]),
        "visitor_id": sending.visitor_id or None,
        "language": dice.choice([None, "de-DE,de;q=0.9"]),
        "unknown_field": dice.random(),
    }
    if event_id:
        facts["event_id"] = "".join(dice.choice([char.lower(), char.upper()]) for char in event_id)
    if original.moment_ms is not None:
        facts["timestamp"] = dice.choice(spellings(original.moment_ms, dice))
    if sending.off_ms is not None:
        clock_ms = min(max(sending.received_ms + sending.off_ms, -FARTHEST_MS), FARTHEST_MS)
        facts["sent_at"] = dice.choice(spellings(clock_ms, dice))
    shuffled = list(facts.items())
    dice.shuffle(shuffled)
    return dict(shuffled)


def _neighbour(dice: random.Random) -> dict[str, Any]:
    """Another event of the same request, which may be a bad one."""
    return {
        "website_id": dice.choice(["shop", "?"]),
        "type": "event",
        "event_name": dice.choice(["a", "b", ""]),
        "event_id": str(uuid.UUID(int=dice.getrandbits(128) | 1)),
        "timestamp": NOW_MS,
    }


def spellings(unix_ms: int, dice: random.Random) -> list[int | str]:
    """Ways to write a moment that a collector takes for the same millisecond."""
    found: list[int | str] = [unix_ms]
    for minutes in (0, 0, 330, -210, 840, -1439):
        zone = timezone(timedelta(minutes=minutes))
        try:
            moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=unix_ms)).astimezone(zone)
        except OverflowError:
            continue
        sign, hours, rest = ("-" if minutes < 0 else "+"), abs(minutes) // 60, abs(minutes) % 60
        offsets = [f"{sign}{hours:02}:{rest:02}", f"{sign}{hours:02}{rest:02}"]
        offsets += ["Z", "z", "-00:00"] if not minutes else []
        offsets += [f"{sign}{hours:02}"] if not rest else []
        milliseconds = unix_ms % 1000
        beyond = "".join(dice.choice("0123456789") for _ in range(dice.choice([0, 0, 3, 6])))
        fraction = f"{dice.choice('.,')}{milliseconds:03}{beyond}"
        if not milliseconds:
            fraction = dice.choice(["", ".0", fraction])
        second = f":{moment.second:02}{fraction}"
        if not milliseconds and not moment.second and not fraction:
            second = dice.choice([second, ""])
        date = f"{moment.year:04}-{moment.month:02}-{moment.day:02}"
        found.append(
            f"{date}{dice.choice('Tt ')}{moment.hour:02}:{moment.minute:02}{second}{dice.choice(offsets)}"
        )
    return found


def _client(sending: Sending) -> Client:
    address: Address | None = ip_address(sending.address) if sending.address else None
    hints = ClientHints(mobile="?1", platform='"Android"') if sending.style % 3 == 0 else None
    return Client(address, sending.agent, Shown(opted_out=sending.opted_out), hints)


def _collector(number: int) -> Intake:
    """Each process has a secret, id counter and policy of its own; the address keys are shared."""
    settings = CollectorSettings(privacy_signals="honor" if number % 2 else "ignore")
    return make_intake(bytes([number]) * 32, KEYS, settings, EventIds())


COLLECTORS = [_collector(number) for number in range(3)]


@dataclass(frozen=True)
class Salts:
    """Salts of one installation, or of one that lost them: then nobody gets a hash."""

    number: int

    def visitors(self, utc_day: int) -> VisitorIds | None:
        if self.number == 2:
            return None
        return VisitorIds(bytes([self.number]) + utc_day.to_bytes(31, "big", signed=True))


class OtherRules(AgentLookup):
    """Rules of agents that take everybody for a crawler."""

    def of(self, user_agent: str, hints: ClientHints | None = None) -> AgentFacts:
        return super().of(CRAWLER)


_AGENTS = AgentLookup()
_OTHERS = OtherRules()
_OTHERS.rules = "other rules"


def _world(number: int) -> World:
    agents = _OTHERS if number == 1 else _AGENTS
    return World(AddressOpener(KEYS), Salts(number), GeoLookup(None), agents, MemorySessionStore())


WORLDS = [_world(number) for number in range(3)]
"""Enrichers with other salts and other rules."""


def _enriched(events: Sequence[bytes], place: int, sending: Sending) -> Row:
    """The row of one event of a chunk, after the enricher and the writer's rules."""
    chunk = RawEvents()
    for event in events:
        chunk.events.add().ParseFromString(event)
    record = RawRecord(sending.partition, sending.offset, 1, None, chunk.SerializeToString())
    world = WORLDS[sending.world]
    with patch.object(versions, "RULES_VERSION", 3 + sending.world):
        versions._versions.cache_clear()
        outcome = process(record, Overlay({}), world, sending.received_ms + 1000)
    versions._versions.cache_clear()
    assert not outcome.rejected, outcome.reasons
    enriched = decode_enriched(outcome.enriched[place].value)
    return row(enriched, sending.partition % 6, sending.offset)


# --- strategies

_MIDNIGHTS = (
    0,
    NOW_MS // MS_PER_DAY * MS_PER_DAY,
    1_788_220_800_000,  # 2026-09-01
    1_798_761_600_000,  # 2027-01-01
    1_709_164_800_000,  # 2024-02-29
    5_662_310_400_000,  # 2149-06-07, one day behind the last identity day
    -62_135_596_800_000,  # the first moment of the year 1
    253_402_300_800_000,  # the first moment after the year 9999
)
moments = st.one_of(
    st.builds(lambda midnight, off: midnight + off, st.sampled_from(_MIDNIGHTS), st.integers(-2, 2)),
    st.integers(NOW_MS - 40 * MS_PER_DAY, NOW_MS + 40 * MS_PER_DAY),
    st.integers(NOW_MS // 1000 - 10, NOW_MS // 1000 + 10).map(lambda second: second * 1000),
    st.integers(NOW_MS // 1000 - 10, NOW_MS // 1000 + 10),  # seconds, taken for milliseconds
    st.integers(-FARTHEST_MS, FARTHEST_MS),
)
"""When an event happened by its client: about now, at midnights and month ends, and wild."""

names = st.sampled_from(["purchase", "é", "e\u0301", "x" * 255, "a b", "\U0001f600", "purchase ✓", "'"])
websites = st.sampled_from(["shop", "Shop", "a.b-c_d"])
any_ids = st.integers(1, 2**128 - 1).map(lambda number: str(uuid.UUID(int=number)))


def uuid7_of(unix_ms: int, rest: int) -> str:
    """A UUIDv7 as a client makes it (RFC 9562, 5.7)."""
    value = (unix_ms << 80) | (7 << 76) | ((rest >> 62 & 0xFFF) << 64) | (2 << 62) | (rest & (1 << 62) - 1)
    return str(uuid.UUID(int=value))


timed_ids = st.builds(
    uuid7_of,
    st.one_of(moments.filter(lambda ms: 0 <= ms < 1 << 48), st.integers(0, (1 << 48) - 1)),
    st.integers(0, 2**74 - 1),
)
_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3)
_data = st.dictionaries(st.sampled_from(["plan", "ü", ""]), _texts, max_size=2).map(
    lambda found: tuple(found.items())
)
originals = st.one_of(
    st.builds(Original, websites, names, moments, any_ids | timed_ids, _data),
    st.builds(Original, websites, names, st.none(), timed_ids, _data),
    st.builds(Original, websites, names, st.none() | moments, st.just(""), _data),
)
"""With id and time, with an id that has a time, and without an id."""


def sendings(received: st.SearchStrategy[int]) -> st.SearchStrategy[Sending]:
    """Tries at the given times of acceptance."""
    return st.builds(
        Sending,
        received_ms=received,
        off_ms=st.none()
        | st.sampled_from([0, 1, -1, 3 * MINUTE, -20 * MINUTE, MS_PER_DAY, -400 * MS_PER_DAY])
        | st.integers(-FARTHEST_MS, FARTHEST_MS),
        address=st.sampled_from(["", "192.0.2.1", "198.51.100.7", "2001:db8::1"]),
        agent=st.sampled_from(["", PERSON, CRAWLER, "curl/8.5"]),
        visitor_id=st.sampled_from(["", "", "v1", "v2"]),
        opted_out=st.booleans(),
        collector=st.integers(0, len(COLLECTORS) - 1),
        world=st.integers(0, len(WORLDS) - 1),
        before=st.sampled_from([0, 0, 1, 3]),
        behind=st.sampled_from([0, 0, 2]),
        packed=st.booleans(),
        partition=st.integers(0, 11),
        offset=st.integers(0, 2**40),
        style=st.integers(0, 2**32),
    )


accepted = st.one_of(
    st.integers(NOW_MS - 3, NOW_MS + 3),
    st.builds(lambda midnight, off: midnight + off, st.sampled_from(_MIDNIGHTS[1:4]), st.integers(-2, 2)),
    st.integers(NOW_MS, NOW_MS + 800 * MS_PER_DAY),
    st.integers(1_000_000_000_000, 4_000_000_000_000),
)
"""When a collector accepted a try, by its own clock: within milliseconds, past a midnight or month, years apart."""
