"""One record of the topic of rejected events, and its address there."""

import re
from dataclasses import dataclass
from typing import Final

from eventrail.contract.codec import decode
from eventrail.contract.v1.rejected_pb2 import RejectedEvent
from eventrail.errors import ConfigurationError, ContractError

_ADDRESS: Final = re.compile(r"(\d{1,9}):(\d{1,18})")


@dataclass(frozen=True, order=True, slots=True)
class Address:
    """Where a record stands on eventrail.rejected.v1; it stays as long as the record is kept."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


def parse_address(text: str) -> Address:
    """The address that a person wrote. Raises ConfigurationError."""
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise ConfigurationError(f"{text!r} is no address; expected PARTITION:OFFSET as `list` prints it")
    return Address(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class Entry:
    """One record: `event` is None where its value is no RejectedEvent, `at_ms` the time of the rejection."""

    address: Address
    at_ms: int
    event: RejectedEvent | None
    value: bytes


def entry(address: Address, value: bytes | None, timestamp_ms: int) -> Entry:
    """The record at `address`; `timestamp_ms` is the record's own time, used where the message tells none."""
    try:
        event = decode(RejectedEvent, value)
    except ContractError:
        return Entry(address, timestamp_ms, None, value or b"")
    return Entry(address, event.rejected_at_ms or timestamp_ms, event, value or b"")
