"""The facts of one event under the names that callers use: how each is read, and what kind of value it is.

What is stored but no fact stands for is bookkeeping of ours: copies, positions in topics, versions of rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from query_api.question.dimensions import DIMENSIONS


class Kind(StrEnum):
    """What the engine gives for a fact."""

    TEXT = "text"
    """str; empty: there is none."""
    INSTANT = "instant"
    """int, Unix milliseconds; 0: there is none."""
    DAY = "day"
    """datetime.date."""
    FLAG = "flag"
    """bool."""
    JSON = "json"
    """str, the text of a JSON object as the client sent it; empty: there is none."""


@dataclass(frozen=True)
class Fact:
    """One fact: its name, the expression of its value, and the columns behind that."""

    name: str
    kind: Kind
    sql: str
    columns: tuple[str, ...]
    meaning: str


def _dimension(name: str) -> Fact:
    dimension = DIMENSIONS[name]
    return Fact(name, Kind.TEXT, f"toString({dimension.sql})", dimension.columns, dimension.meaning)


def _text(column: str, meaning: str) -> Fact:
    return Fact(column, Kind.TEXT, f"toString({column})", (column,), meaning)


def _instant(column: str, meaning: str) -> Fact:
    return Fact(column, Kind.INSTANT, f"toUnixTimestamp64Milli({column})", (column,), meaning)


_ALL: Final = (
    _text("event_id", "UUID; an event is told by event_id, event_name and identity_day"),
    _text("event_name", "null for a page view"),
    _text("event_type", "custom or pageview"),
    _instant("timestamp", "when it happened, UTC"),
    _instant("received_at", "when it was accepted, UTC"),
    Fact("identity_day", Kind.DAY, "identity_day", ("identity_day",), "UTC day of the timestamp as sent"),
    _dimension("visitor_id"),
    _text("visitor_source", "client, hash, none, salt_gone, withheld or unspecified"),
    _dimension("session_id"),
    _instant("session_started_at", "when its session began; null without a session"),
    *map(_dimension, ("url", "host", "path")),
    _text("query", "query string of the page"),
    *map(
        _dimension,
        (
            "referrer", "referrer_url", "channel", "utm_source", "utm_medium", "utm_campaign", "utm_term",
            "utm_content", "click_id",
        ),
    ),
    Fact(
        "campaign_inherited",
        Kind.FLAG,
        "campaign_inherited",
        ("campaign_inherited",),
        "whether the campaign is that of the session",
    ),
    *map(
        _dimension,
        (
            "country", "region", "city", "browser", "browser_version", "os", "os_version", "device", "screen",
            "language", "bot", "bot_name",
        ),
    ),
    Fact("properties", Kind.JSON, "event_data", ("event_data",), "the JSON object that was sent; null for none"),
)  # fmt: skip

FACTS: Final[Mapping[str, Fact]] = MappingProxyType({one.name: one for one in _ALL})
"""By name, in the order in which rows have them."""


def columns_of(facts: Sequence[Fact]) -> tuple[str, ...]:
    """The columns behind `facts`, each once."""
    return tuple(dict.fromkeys(column for fact in facts for column in fact.columns))
