"""Event ids: UUID version 7 (RFC 9562 section 5.7), which carry the time at which the event happened."""

import re
from typing import Final
from uuid import UUID

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NIL: Final = str(UUID(int=0))
_LAST_MS: Final = (1 << 48) - 1


def uuid7(unix_ms: int, random_bits: int) -> str:
    """The UUIDv7 of a moment in Unix milliseconds, which is held within what 48 bits can say.

    The lowest 74 of `random_bits` make it unique.
    """
    moment = min(max(unix_ms, 0), _LAST_MS)
    high, low = random_bits >> 62 & 0xFFF, random_bits & (1 << 62) - 1
    return str(UUID(int=moment << 80 | 7 << 76 | high << 64 | 2 << 62 | low))


def canonical(text: str) -> str | None:
    """`text` as a lower-case UUID, None where it is none; the nil UUID names nothing and is none."""
    lowered = text.lower()
    return lowered if _UUID.fullmatch(lowered) and lowered != _NIL else None


def time_of(event_id: str) -> int | None:
    """Unix milliseconds of a canonical UUIDv7, None for any other version or variant."""
    if event_id[14] != "7" or event_id[19] not in "89ab":
        return None
    return int(event_id[:8] + event_id[9:13], 16)
