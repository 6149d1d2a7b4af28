"""The days' salts as the pipeline sees them: known, gone, or still to come."""

from collections.abc import Mapping

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
        self.know(salts or {}, first_kept)

    def know(
        self, salts: Mapping[int, bytes], first_kept: int, unreadable: Mapping[int, str] | None = None
    ) -> None:
        """Take `salts` for all there is. `unreadable` says of days why their salts cannot be read here."""
        self._first_kept = first_kept
        self._salts = {day: salt for day, salt in salts.items() if day >= first_kept}
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
