"""What may be wrong with a record, and the error that says so.

ValueError
└── NotAnEvent      a record that breaks a rule of the contract: put it aside, and tell whoever runs Eventrail
    └── OtherType   a whole record of a type that this library does not know: pass over it
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

PAGE: Final = "docs/subscribe.md"
"""Where the rules stand."""


class Rule(StrEnum):
    """The rules that each record keeps for itself."""

    TYPE = "type"
    VALUE = "value"
    FIELDS = "fields"
    KEY = "key"
    HEADERS = "headers"


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule that is broken, and how: a sentence that quotes little of the record."""

    rule: Rule
    what: str


_BROKEN: Final = (
    "Put the record aside and go on; `python -m eventrail contract verify` tells whether the topic has more"
)
_ADVICE: Final[Mapping[Rule, str]] = MappingProxyType(
    {
        Rule.TYPE: "Pass over it, or use a version of eventrail-subscriber that knows this type",
        Rule.VALUE: _BROKEN,
        Rule.FIELDS: _BROKEN,
        Rule.KEY: _BROKEN,
        Rule.HEADERS: _BROKEN,
    }
)


class NotAnEvent(ValueError):
    """A record that is no enriched event; its text says what is wrong, where, and what to do.

    `fault` is the first rule that it breaks, `where` is as the caller named the record.
    """

    def __init__(self, fault: Fault, where: str) -> None:
        super().__init__(f"{where}: {fault.what}. {_ADVICE[fault.rule]} ({PAGE}, rule {fault.rule}).")
        self.fault = fault
        self.where = where

    def __reduce__(self) -> tuple[type["NotAnEvent"], tuple[Fault, str]]:
        return type(self), (self.fault, self.where)


class OtherType(NotAnEvent):
    """A CloudEvents type that this library does not read, such as one of a later version of the contract."""
