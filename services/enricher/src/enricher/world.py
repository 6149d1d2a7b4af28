"""What the pipeline may look at: handed in, never fetched from anywhere else."""

from dataclasses import dataclass, field
from typing import Protocol

from enricher.lookups.agents import AgentLookup
from enricher.lookups.geo import GeoLookup
from eventrail.sealing import AddressOpener


class Salts(Protocol):
    """Where a day's secret salt comes from."""

    def of(self, utc_day: int) -> bytes:
        """The salt, 16 to 64 bytes, of a UTC day in days since 1970-01-01; always the same for one day."""
        ...


class SessionStore(Protocol):
    """State of the live session of each visitor; the values belong to enrichments/session.py."""

    def get(self, key: bytes) -> bytes | None:
        """The value that was put last, or None."""
        ...

    def put(self, key: bytes, value: bytes) -> None:
        """Keep `value`; the next `get` of `key` gives it, also before it is durable."""
        ...


@dataclass
class MemorySessionStore:
    """A SessionStore that lives as long as the process."""

    values: dict[bytes, bytes] = field(default_factory=dict)

    def get(self, key: bytes) -> bytes | None:
        return self.values.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        self.values[key] = value


@dataclass(frozen=True)
class World:
    """The lookups and the state of one worker. Only `sessions` changes what the next event gets."""

    addresses: AddressOpener
    salts: Salts
    geo: GeoLookup
    agents: AgentLookup
    sessions: SessionStore
