"""The events that are recorded of each release, and what this release makes of them."""

from ipaddress import ip_address
from typing import Final

from enricher import checkpoints
from enricher.chunk import RawRecord, process
from enricher.lookups.agents import AgentLookup
from enricher.lookups.places import Place
from enricher.sessions import Overlay
from enricher.world import MemorySessionStore, World
from eventrail.contract.v1.enriched_pb2 import EVENT_TYPE_CUSTOM, EVENT_TYPE_PAGEVIEW, Screen
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.sealing import AddressOpener, AddressSealer
from tests.enricher.conftest import KEYS, NOON, EverySalt
from tests.enricher.releases import Messages

VISITOR: Final = "customer-42"
PARTITION, OFFSET = 2, 40
_AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Nowhere:
    """No database of places."""

    database = ""

    def of(self, _packed: bytes) -> Place | None:
        return None


def world() -> World:
    return World(AddressOpener(KEYS), EverySalt(), Nowhere(), AgentLookup(), MemorySessionStore())


def event(number: int, minutes: int = 0, **fields: object) -> RawEvent:
    at_ms = NOON + minutes * 60_000
    given = {
        "website_id": "shop",
        "event_id": f"00000000-0000-7000-8000-{number:012x}",
        "event_type": EVENT_TYPE_CUSTOM,
        "event_name": "purchase",
        "timestamp_ms": at_ms,
        "received_at_ms": at_ms + 7,
        "identity_day": at_ms // 86_400_000,
        "user_agent": _AGENT,
    }
    return RawEvent(**(given | fields))  # type: ignore[arg-type] # names of fields


def written_by_this_release() -> Messages:
    """A visitor of the client's own id, one by hash, one unknown, and a page view."""
    address = AddressSealer(KEYS).seal(ip_address("81.2.69.142"))
    events = [
        event(1, visitor_id=VISITOR, event_data='{"plan":"pro","amount":49.99}', language="en-GB"),
        event(2, client_address=address, screen=Screen(width=1920, height=1080)),
        event(3, without_visitor=True),
        event(
            4,
            1,
            event_type=EVENT_TYPE_PAGEVIEW,
            event_name="",
            visitor_id=VISITOR,
            url="https://shop.example/?utm_source=news&utm_medium=email",
            referrer="https://www.search.example/q",
        ),
    ]
    raw = RawEvents(events=events).SerializeToString()
    outcome = process(RawRecord(PARTITION, OFFSET, 1, None, raw), Overlay({}), world(), NOON + 3_600_000)
    changelog = {
        key: checkpoints.added(None, OFFSET, state, 0) for key, state in outcome.sessions.written.items()
    }
    return Messages(raw, [record.value or b"" for record in outcome.enriched], changelog)
