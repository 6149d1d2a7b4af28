"""Events as a writer gets them while a shop (benchmarks/shop.py) is open, in blocks as it makes them of records.

They begin an hour before the shop's last day ends and are of the same websites, names and properties, in the same
shares; ids are UUIDv7 of the client's time. 2 of 100 are repeats: half of them of events of the last blocks, half of
events that are up to ten days old.
"""

import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Final

from clickhouse_driver import Client

from benchmarks.shop import DAYS, FIRST_DAY_MS
from collector.event_ids import Tick, uuid7
from eventrail.clock import MS_PER_DAY
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType
from eventrail.rows.columns import Columns, columns

OPENS_MS: Final = FIRST_DAY_MS + DAYS * MS_PER_DAY - 3_600_000
_REPEATED: Final = 0.02
_REMEMBERED: Final = 2_000
_STORED: Final = """
SELECT website_id, event_name, toInt32(identity_day), toUnixTimestamp64Milli(timestamp), event_data, visitor_id, path,
    toString(event_id)
FROM events WHERE {condition} LIMIT {most}
"""
_ANY: Final = "cityHash64(event_id) % 97 = 0"
_OLD: Final = (
    f"cityHash64(event_id) % 50 = 7 AND timestamp > fromUnixTimestamp64Milli({OPENS_MS - 10 * MS_PER_DAY})"
)


@dataclass(frozen=True)
class Sent:
    """What a client sends again as it was."""

    event: EnrichedEvent
    event_id: str
    timestamp_ms: int


class Live:
    """What comes in at `rate` events a second by the clients' clocks; the same seed gives the same events.

    Reads some stored events of `client`'s table `events`, which has to hold a shop.
    """

    def __init__(self, client: Client, rate: int, seed: int = 1) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - no secret
        kinds = [_event(values) for values in client.execute(_STORED.format(condition=_ANY, most=10_000))]
        self._dice.shuffle(kinds)
        self._kinds = cycle(kinds)
        self._old = [
            Sent(_event(values), values[7], values[3])
            for values in client.execute(_STORED.format(condition=_OLD, most=50_000))
        ]
        self._recent: deque[Sent] = deque(maxlen=_REMEMBERED)
        self._rate = rate
        self._count = 0

    def blocks(self, events: int) -> Iterator[Columns]:
        """Blocks of `events` rows without end."""
        while True:
            first = self._count
            values = [self._value() for _ in range(events)]
            yield columns(values, [0] * events, range(first, first + events), lambda _website: 0)

    def _value(self) -> bytes:
        self._count += 1
        now_ms = OPENS_MS + self._count * 1000 // self._rate
        sent = self._sent(now_ms)
        event = sent.event
        event.event_id = sent.event_id
        event.timestamp_ms = sent.timestamp_ms
        event.identity_day = sent.timestamp_ms // MS_PER_DAY
        event.received_at_ms = now_ms + 50
        return event.SerializeToString()

    def _sent(self, now_ms: int) -> Sent:
        number = self._dice.random()
        if number < _REPEATED / 2:
            return self._dice.choice(self._old)
        if number < _REPEATED and self._recent:
            return self._dice.choice(self._recent)
        tick = Tick(now_ms, self._dice.getrandbits(12))
        sent = Sent(next(self._kinds), uuid7(tick, self._dice.getrandbits(62)), now_ms)
        if number > 0.99:
            self._recent.append(sent)
        return sent


def _event(values: Sequence[Any]) -> EnrichedEvent:
    website_id, name, day, at_ms, data, visitor_id, path, *_ = values
    event = EnrichedEvent(
        website_id=website_id,
        event_name=name,
        event_type=EventType.EVENT_TYPE_CUSTOM,
        identity_day=day,
        timestamp_ms=at_ms,
        event_data=data,
        visitor_id=visitor_id,
    )
    event.page.path = path
    return event
