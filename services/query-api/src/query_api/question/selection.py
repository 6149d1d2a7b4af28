"""The events of a website that a question is about."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from eventrail.clock import MS_PER_DAY
from query_api.question.filters import Condition
from query_api.question.period import Period

BotKinds = tuple[str, ...]
"""Kinds of bots, as the table spells them."""

CRAWLERS: Final[BotKinds] = ("crawler",)
ALL_BOTS: Final[BotKinds] = ("crawler", "headless", "library")


class EventType(StrEnum):
    """What kind of thing happened, as the table spells it."""

    CUSTOM = "custom"
    PAGEVIEW = "pageview"


@dataclass(frozen=True)
class Selection:
    """Events of a website and period that fit all `conditions`, without the bots in `left_out`.

    `event_types` None means custom events and page views; `event_name` narrows to one custom event.
    """

    website_id: str
    period: Period
    left_out: BotKinds = CRAWLERS
    conditions: tuple[Condition, ...] = ()
    event_type: EventType | None = EventType.CUSTOM
    event_name: str | None = None

    def of(self, event_name: str | None) -> "Selection":
        """The same for one custom event."""
        return replace(self, event_name=event_name)

    def cheaper(self, share: float) -> tuple[str, ...]:
        """What costs only about `share` (from 0 to 1) of these events, in words."""
        period = self.period
        days = int((period.until_ms - period.read_from_ms) * share) // MS_PER_DAY
        shorter = f"{days:,} days at a time" if days else "a shorter period, of hours"
        return (shorter,) if self.event_name else (shorter, "one event_name")

    def within(self, period: Period) -> "Selection":
        """The same in another period."""
        return replace(self, period=period)


@dataclass(frozen=True)
class Limits:
    """How much one answer may hold; what they mean stands in settings.py."""

    event_names: int = 10_000
    property_keys: int = 100
    property_values: int = 100
    points: int = 5_000
    groups: int = 10_000
    cells: int = 200_000


@dataclass(frozen=True)
class Context:
    """What a question is read against: the website, the time, and the limits.

    `timezone` is an IANA name, `kept_days` how long the website keeps its events (None: without a limit), `left_out`
    the bots that it counts only when it is asked to.
    """

    website_id: str
    now_ms: int
    timezone: str = "UTC"
    left_out: BotKinds = CRAWLERS
    kept_days: int | None = None
    limits: Limits = field(default_factory=Limits)
