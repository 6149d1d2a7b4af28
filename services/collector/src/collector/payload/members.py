"""Members of a body: the fields that a client may send, and how bytes become them.

The quick way decodes all members at once and pays nothing for what hardly ever happens. Whatever it
cannot prove clean (an unknown field, a wrong type, a key that stands twice, a NUL) goes to `diagnosis`,
which finds out what it is.
"""

from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import astuple

from collector.refusals import Refused

MAX_MEMBERS: Final = 50

Text = str | UnsetType | None
Whole = int | UnsetType | None
Moment = int | str | UnsetType | None

NO_DATA: Final = Raw(b"")


class Member(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One event as a client may send it; every field may be absent (UNSET) or null.

    Spec section "Collecting Events", and `type`, which trackers send instead of `event_type`.
    """

    website_id: Text = UNSET
    event_type: Text = UNSET
    type: Text = UNSET
    event_name: Text = UNSET
    url: Text = UNSET
    referrer: Text = UNSET
    event_data: Raw = NO_DATA
    visitor_id: Text = UNSET
    language: Text = UNSET
    screen: Text = UNSET
    screen_width: Whole = UNSET
    screen_height: Whole = UNSET
    utm_source: Text = UNSET
    utm_medium: Text = UNSET
    utm_campaign: Text = UNSET
    utm_term: Text = UNSET
    utm_content: Text = UNSET
    event_id: Text = UNSET
    timestamp: Moment = UNSET
    sent_at: Moment = UNSET
    client_ip: Text = UNSET
    user_agent: Text = UNSET


@dataclass(slots=True)
class Body:
    """A body taken apart: what each member is, in the order sent.

    `batch` tells an array (also of one) from a single object. `unknown` are the names of fields
    that were not understood, each once, in the order of their first appearance.
    """

    members: list[Member | Refused]
    batch: bool
    unknown: list[str] = field(default_factory=list)


_FIELDS: Final = len(Member.__struct_fields__)
_decoder = msgspec.json.Decoder(Member | list[Member])


def quick(compact: bytes) -> Body | None:
    """The members of `compact` (a body in compact form), None where they are not provably clean."""
    try:
        decoded = _decoder.decode(compact)
    except (ValueError, RecursionError):
        return None
    batch = isinstance(decoded, list)
    members = decoded if isinstance(decoded, list) else [decoded]
    if not 1 <= len(members) <= MAX_MEMBERS or b"\\u0000" in compact:
        return None
    # Each key is followed by `":`; as many of those as fields were filled means that none was there twice.
    if compact.count(b'":') != sum(map(_keys, members)):
        return None
    return Body(list(members), batch)


def _keys(member: Member) -> int:
    filled = _FIELDS - astuple(member).count(UNSET)
    if member.event_data is NO_DATA:
        return filled - 1
    return filled + bytes(member.event_data).count(b'":')
