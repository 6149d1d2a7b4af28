"""Members of a body: the fields that a client may send, and how bytes become them.

The quick ways decode all members at once and pay nothing for what hardly ever happens. Whatever they
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


class Member(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
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
_encoder = msgspec.json.Encoder()


def minimal(body: bytes) -> Body | None:
    """The members of `body` where it is spelt as short as can be (event_data apart), None where it is not clean.

    This is how programs write JSON, and it is proven by its length alone: what the members are written as again is
    shorter wherever there was a space, an escape that need not be, or a key twice.
    """
    try:
        decoded = _decoder.decode(body)
        if len(_encoder.encode(decoded)) != len(body) or b"\\u0000" in body:
            return None
        if not body.isascii():
            body.decode()  # what is passed on raw would be looked at too late
    except (ValueError, RecursionError):
        return None
    return _body(decoded)


def quick(compact: bytes) -> Body | None:
    """The members of `compact` (a body in compact form), None where they are not provably clean."""
    try:
        decoded = _decoder.decode(compact)
    except (ValueError, RecursionError):
        return None
    body = _body(decoded)
    if body is None or b"\\u0000" in compact:
        return None
    # Each key is followed by `":`; as many of those as fields were filled means that none was there twice.
    filled = sum(_keys(member) for member in body.members if isinstance(member, Member))
    return body if compact.count(b'":') == filled else None


def _body(decoded: Member | list[Member | Refused]) -> Body | None:
    if isinstance(decoded, Member):
        return Body([decoded], batch=False)
    return Body(decoded, batch=True) if 1 <= len(decoded) <= MAX_MEMBERS else None


def _keys(member: Member) -> int:
    filled = _FIELDS - astuple(member).count(UNSET)
    if member.event_data is NO_DATA:
        return filled - 1
    return filled + bytes(member.event_data).count(b'":')
