"""What makes an event this one and no other: website, name, day and id (docs/adr/0002-identity-and-once.md)."""

import re
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from eventrail.contract.names import EVENT_NAME_MAX_CHARACTERS, WEBSITE_ID_RULE, is_website_id, trim
from eventrail.contract.v1.enriched_pb2 import EVENT_TYPE_CUSTOM
from eventrail.errors import ContractError
from eventrail.rejected.original import Event
from eventrail.rows.events import day
from eventrail.rows.reading import SORT_KEY

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LAST_DAY: Final = 65_535


class Identity(NamedTuple):
    """The sort key of the table `events`: equal in all copies of an event."""

    website_id: str
    event_name: str
    identity_day: date
    event_id: UUID


def faults(event: Event) -> dict[str, str]:
    """What is wrong with the texts of the identity, by field; empty where nothing is."""
    found = {
        "website_id": "" if is_website_id(event.website_id) else f"must be {WEBSITE_ID_RULE}",
        "event_id": "" if _UUID.fullmatch(event.event_id) else "must be a UUID in lower-case text form",
        "event_name": _name_fault(event),
    }
    return {name: fault for name, fault in found.items() if fault}


def _name_fault(event: Event) -> str:
    name = event.event_name
    if event.event_type != EVENT_TYPE_CUSTOM:
        return "must be empty for what is no custom event" if name else ""
    if not name or trim(name) != name or len(name) > EVENT_NAME_MAX_CHARACTERS:
        return f"must be 1 to {EVENT_NAME_MAX_CHARACTERS} characters, without space around"
    return ""


def settled(event: Event) -> list[str]:
    """The fields of the identity that must stay as they are, because they are neither empty nor malformed."""
    wrong = set(faults(event))
    if not event.event_name and event.event_type != EVENT_TYPE_CUSTOM:
        wrong.add("event_name")
    # A day outside the column's range is stored at its end; day 0 is what a message without a day has.
    if not 0 < event.identity_day <= _LAST_DAY:
        wrong.add("identity_day")
    return [name for name in SORT_KEY if name not in wrong]


def identity(event: Event) -> Identity:
    """Raises ContractError that names the fields that are missing or malformed."""
    wrong = faults(event)
    if wrong:
        raise ContractError("; ".join(f"{name} {fault}" for name, fault in wrong.items()), rule=True)
    return Identity(event.website_id, event.event_name, day(event.identity_day), UUID(event.event_id))
