"""The days' salts as the pipeline sees them: known, gone, or still to come."""

from collections.abc import Mapping

from enricher.lookups.visitor_ids import VisitorIds
from enricher.salts import days
from eventrail.errors import EventrailError


class SaltMissing(EventrailError):
    """A day's salt is not known here yet, but can still come; the stream has to wait for it."""


class DaySalts:
    """Salts by UTC day (days since 1970-01-01), all in memory; `know` replaces them as a whole.

    Days before `first_kept` are gone: no salt of theirs is in memory, whatever was handed in.
    """

    def __init__(self, salts: Mapping[int, bytes] | None = None, first_kept: int = 0) -> None:
        self._why: Mapping[int, str] = {}
        self._salts: dict[int, bytes] = {}
        self._visitors: dict[int, VisitorIds] = {}
        self.know(salts or {}, first_kept)

    def know(
        self, salts: Mapping[int, bytes], first_kept: int, unreadable: Mapping[int, str] | None = None
    ) -> None:
        """Take `salts` for all there is. `unreadable` says of days why their salts cannot be read here."""
        before, self._first_kept = self._salts, first_kept
        self._salts = {day: salt for day, salt in salts.items() if day >= first_kept}
        self._visitors = {
            day: ids for day, ids in self._visitors.items() if self._salts.get(day) == before[day]
        }
        self._why = unreadable or {}

    def __len__(self) -> int:
        return len(self._salts)

    def of(self, utc_day: int) -> bytes | None:
        """The salt of a day, 32 bytes, the same at every call; None where it is gone for good. Raises SaltMissing."""
        salt = self._salts.get(utc_day)
        if salt is None and utc_day >= self._first_kept:
            raise SaltMissing(
                self._why.get(utc_day) or f"there is no salt of the UTC day {days.text(utc_day)} yet"
            )
        return salt

    def visitors(self, utc_day: int) -> VisitorIds | None:
        """The visitor ids of a day, None where its salt is gone for good. Raises SaltMissing."""
        ids = self._visitors.get(utc_day)
        if ids is None and (salt := self.of(utc_day)) is not None:
            ids = self._visitors[utc_day] = VisitorIds(salt)
        return ids
