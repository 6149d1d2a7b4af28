"""What the pipeline may look at: handed in, never fetched from anywhere else."""

from dataclasses import dataclass, field
from typing import Protocol

from enricher.lookups.agents import AgentLookup
from enricher.lookups.places import Place
from enricher.lookups.visitor_ids import VisitorIds
from eventrail.sealing import AddressOpener
from eventrail.websites import OpenWebsites, Websites


class Salts(Protocol):
    """What each day's secret salt makes of people."""

    def visitors(self, utc_day: int) -> VisitorIds | None:
        """The visitor ids by the salt of a UTC day in days since 1970-01-01; always the same for one day.

        None where it is gone for good. Raises SaltMissing while it can still come: the stream has to wait.
        To be asked for each event anew, and not to be kept.
        """
        ...


class Places(Protocol):
    """Where addresses are; `database` names what says so, or is ""."""

    @property
    def database(self) -> str:
        """Type and build time of the database in use; it changes only between two events."""
        ...

    def of(self, packed: bytes) -> Place | None:
        """The place of an address of 4 or 16 bytes; None where it is not known."""
        ...


class SessionStore(Protocol):
    """What is remembered of each visitor's sessions; the values belong to enrichments/session_state.py."""

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
    geo: Places
    agents: AgentLookup
    sessions: SessionStore
    websites: Websites = field(default_factory=OpenWebsites)
