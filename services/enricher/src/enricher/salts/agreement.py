"""Which of the records on the salts topic is a day's salt: a pure function of what stands there.

The rule: the sound candidate with the lowest offset is the day's salt. Each candidate has a key of its own that is
written once, so compaction removes none before its tombstone, and moves none. Kafka's log has one order, in which a
later candidate never comes before an earlier one; so all readers agree, whoever wrote, however late, and whatever
their clocks say.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from enricher.salts import days
from enricher.salts.sealing import SaltSealer
from eventrail.errors import ContractError
from eventrail.sealing import UnknownKey

_KEY: Final = re.compile(rb"(\d{4}-\d\d-\d\d)/[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class SaltRecord:
    """One record as it stands on the topic; `at_ms` is when the broker appended it, by the broker's clock."""

    offset: int
    key: bytes
    value: bytes | None
    at_ms: int = 0


def record_key(day: int, random: bytes) -> bytes:
    """The key of a new candidate; `random` are 8 bytes."""
    return f"{days.text(day)}/{random.hex()}".encode()


def day_of(key: bytes) -> int | None:
    """The day of a candidate's key; None for keys of anything else."""
    found = _KEY.fullmatch(key)
    try:
        return days.parse(found[1].decode()) if found else None
    except ValueError:
        return None


@dataclass(slots=True)
class Agreement:
    """What the topic says: salts by day, why others cannot be read here, and the keys of records that may go.

    `present` are keys of candidates by day of which any value is still to be read, tombstone or not, in their order.
    `useless` are those of them that are no day's salt.
    """

    salts: dict[int, bytes] = field(default_factory=dict)
    unreadable: dict[int, str] = field(default_factory=dict)
    present: dict[int, list[bytes]] = field(default_factory=dict)
    useless: list[bytes] = field(default_factory=list)

    def lacks(self, wanted: Iterable[int]) -> list[int]:
        """Those of `wanted` that have no salt, and none that another process may be able to read."""
        return [day for day in wanted if day not in self.salts and day not in self.unreadable]

    def forget(self, first_kept: int) -> None:
        """Drop the salts of days before `first_kept` from memory."""
        self.salts = {day: salt for day, salt in self.salts.items() if day >= first_kept}

    def overdue(self, first_kept: int) -> list[bytes]:
        """Keys of candidates whose value should not be there any more; a day's salt stands behind its rivals."""
        past = [
            key for day, keys in sorted(self.present.items()) if day < first_kept for key in reversed(keys)
        ]
        return list(dict.fromkeys([*self.useless, *past]))


def agree(records: Sequence[SaltRecord], sealer: SaltSealer) -> Agreement:
    """Judge all records of the topic, in the order of their offsets."""
    dead = _dead(records)
    found = Agreement()
    seen: set[bytes] = set()
    for record in records:
        day = day_of(record.key)
        if day is None or record.value is None or record.key in seen:
            continue
        seen.add(record.key)
        found.present.setdefault(day, []).append(record.key)
        if record.key in dead or not _is_the_salt(found, day, record.key, record.value, sealer):
            found.useless.append(record.key)
    return found


def _dead(records: Sequence[SaltRecord]) -> set[bytes]:
    """Keys that have their tombstone, though a value may not have been cleaned from disk yet."""
    last = {record.key: record.value for record in records}
    return {key for key, value in last.items() if value is None}


def _is_the_salt(found: Agreement, day: int, key: bytes, value: bytes, sealer: SaltSealer) -> bool:
    if day in found.salts or day in found.unreadable:
        return False
    try:
        found.salts[day] = sealer.open(value, key)
    except UnknownKey as missing:
        found.unreadable[day] = str(missing)
    except ContractError:
        return False
    return True
