"""Event ids of the collector: UUID version 7 (RFC 9562 section 5.7).

`rand_a` holds a counter (section 6.2, method 1), so that the ids of one process ascend in the order
in which they were made, also within one millisecond and when the clock is set back.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

_COUNTER_LIMIT = 1 << 12
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NIL = "00000000-0000-0000-0000-000000000000"

UUID_RULE = "a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057"


class Tick(NamedTuple):
    """What makes an id unique within its process: Unix milliseconds and a counter from 0 to 4,095."""

    unix_ms: int
    counter: int


_START = Tick(0, 0)


def following(last: Tick, now_ms: int) -> Tick:
    """The tick after `last` at `now_ms`; it never goes back, and borrows from the next millisecond when full."""
    if now_ms > last.unix_ms:
        return Tick(now_ms, 0)
    if last.counter + 1 < _COUNTER_LIMIT:
        return Tick(last.unix_ms, last.counter + 1)
    return Tick(last.unix_ms + 1, 0)


def uuid7(tick: Tick, randomness: int) -> str:
    """The UUIDv7 of `tick` in lower-case text form; `randomness` gives its lowest 62 bits."""
    high = f"{tick.unix_ms & 0xFFFF_FFFF_FFFF:012x}"
    low = f"{0x8000_0000_0000_0000 | randomness & 0x3FFF_FFFF_FFFF_FFFF:016x}"
    return f"{high[:8]}-{high[8:]}-7{tick.counter:03x}-{low[:4]}-{low[4:]}"


def _random_bits() -> int:
    return int.from_bytes(os.urandom(8))


@dataclass
class EventIds:
    """The ids of one process, ascending; `randomness` gives 62 or more random bits at each call."""

    randomness: Callable[[], int] = _random_bits
    _last: Tick = _START

    def make(self, now_ms: int) -> tuple[str, int]:
        """A new id and the Unix milliseconds that it carries (`now_ms` or a little later)."""
        self._last = tick = following(self._last, now_ms)
        return uuid7(tick, self.randomness()), tick.unix_ms


def is_canonical(text: str) -> bool:
    """Whether `text` is what `canonical` makes of it."""
    return _UUID.fullmatch(text) is not None and text != _NIL


def canonical(text: str) -> str | None:
    """`text` as a lower-case UUID, None where it is none; the nil UUID names nothing and is none."""
    lowered = text.lower()
    return lowered if is_canonical(lowered) else None


def time_of(event_id: str) -> int | None:
    """Unix milliseconds of a canonical UUIDv7, None for any other version or variant."""
    if event_id[14] != "7" or event_id[19] not in "89ab":
        return None
    return int(event_id[:8] + event_id[9:13], 16)
