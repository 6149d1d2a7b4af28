"""What a replay tells: a line for each event, and the sums."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from eventrail.rejected.listing import plain
from eventrail.rejected.names import reason_name, stage_name
from eventrail.rejected.plan import Planned, Refused
from eventrail.rejected.trace import Place

SHOWN: Final = 20
"""Lines for people of each kind, sent and refused; what comes after is only counted."""


class Report:
    """Counts, and prints a line at a time through `write`, as JSON or for people."""

    def __init__(self, write: Callable[[str], None], *, as_json: bool, dry_run: bool) -> None:
        self._write = write
        self._as_json = as_json
        self._dry_run = dry_run
        self._lines: Counter[str] = Counter()
        self.replayed = 0
        self.refused: Counter[str] = Counter()

    @property
    def has_told(self) -> bool:
        return bool(self.replayed or self.refused)

    def tell(self, item: Planned | Refused, place: Place | None) -> None:
        """One event; `place` is where it stands now."""
        if isinstance(item, Refused):
            self.refused[item.why] += 1
            self._print("refused", _refused_json(item), _refused_line(item))
        else:
            self.replayed += 1
            made = _planned_json(item, place, "would_replay" if self._dry_run else "replayed")
            self._print("replayed", made, _planned_line(item, place))

    def _print(self, kind: str, as_json: dict[str, Any], line: str) -> None:
        if self._as_json:
            self._write(json.dumps(as_json))
            return
        self._lines[kind] += 1
        if self._lines[kind] <= SHOWN:
            self._write(line)
        elif self._lines[kind] == SHOWN + 1:
            self._write(f"(further events that are {kind} are counted only; --json tells of all)")

    def sums(self) -> Iterator[str]:
        """The last lines, for people."""
        yield f"{'would be replayed' if self._dry_run else 'replayed'}: {self.replayed:,}"
        yield f"refused: {self.refused.total():,}"
        for why, count in self.refused.most_common():
            yield f"  {count:>9,}  {why}"


def _planned_json(item: Planned, place: Place | None, outcome: str) -> dict[str, Any]:
    return {
        "address": str(item.address),
        "outcome": outcome,
        "stage": stage_name(item.stage),
        "reason": reason_name(item.reason),
        "website_id": item.identity.website_id,
        "event_id": str(item.identity.event_id),
        "topic": item.topic,
        "partition": place.partition if place else item.partition,
        "offset": place.offset if place else None,
    }


def _planned_line(item: Planned, place: Place | None) -> str:
    where = f"{item.topic} {place.partition}:{place.offset}" if place else item.topic
    was = f"{stage_name(item.stage)} {reason_name(item.reason)}"
    name = f"{item.identity.website_id} {item.identity.event_id}"
    return f"{'replayed' if place else 'would replay'} {item.address} ({was}) {name} -> {where}"


def _refused_json(item: Refused) -> dict[str, Any]:
    return {
        "address": str(item.address),
        "outcome": "refused",
        "why": str(item.why),
        "detail": item.detail,
        "website_id": item.website_id,
        "event_id": item.event_id,
    }


def _refused_line(item: Refused) -> str:
    name = " ".join(plain(text) for text in (item.website_id, item.event_id) if text)
    return f"refused {item.address} {name + ' ' if name else ''}{item.why}: {plain(item.detail)}"
