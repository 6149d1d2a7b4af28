"""What was found on a topic, rule by rule, with a few places to look at."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from eventrail_subscriber import Rule

EXAMPLES: Final = 3
"""Places that are remembered of a rule."""


class TopicRule(StrEnum):
    """The rules that a record keeps beside others, or by where it stands."""

    PARTITION = "partition"
    TIMESTAMP = "timestamp"
    ORDER = "order"
    COPIES = "copies"


AnyRule = Rule | TopicRule

RULES: Final[Mapping[AnyRule, str]] = MappingProxyType(
    {
        Rule.VALUE: "the value is one EnrichedEvent",
        Rule.FIELDS: "its fields are as enriched.proto says",
        Rule.KEY: "the key is visitor_id, or event_id without one",
        Rule.HEADERS: "the CloudEvents headers stand there once and say what the value says",
        TopicRule.PARTITION: "the partition is murmur2 of the key",
        TopicRule.TIMESTAMP: "the record is dated by acceptance, and not into the future",
        TopicRule.ORDER: "events of a visitor stand in the order of the raw topic",
        TopicRule.COPIES: "what one raw event became is the same each time, on the same partition",
    }
)
"""What is looked at, in the order in which it is told. Rule.TYPE is none: other types are passed over."""


class Place(NamedTuple):
    """Where a record stands."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class Example(NamedTuple):
    """One record that breaks a rule, and how."""

    place: Place
    what: str


@dataclass
class Findings:
    """Counts of one reading; `not_judged` are events whose order cannot be told from the records that were read."""

    records: int = 0
    other_types: int = 0
    copies_of_enricher: int = 0
    copies_of_clients: int = 0
    not_judged: int = 0
    broken: Counter[AnyRule] = field(default_factory=Counter)
    examples: dict[AnyRule, list[Example]] = field(default_factory=dict)

    def add(self, rule: AnyRule, place: Place, what: str) -> None:
        """Count one record that breaks `rule`."""
        self.broken[rule] += 1
        told = self.examples.setdefault(rule, [])
        if len(told) < EXAMPLES:
            told.append(Example(place, what))
