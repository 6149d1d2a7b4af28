"""What a sender is told: one answer that names the fate of each of its events."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from collector.refusals import KINDS, Kind, Refused

BROKER: Final = "broker"
"""`durability` of events that all replicas in sync have."""

DISK: Final = "disk"
"""`durability` where some of the events are in the collector's spool, behind an fsync, and not at the broker yet."""


class Rejection(msgspec.Struct):
    """A member that was not accepted; `event_id` is there where a retry should carry it."""

    index: int
    code: str
    message: str
    field: str | None
    retry: bool
    event_id: str | UnsetType = UNSET


class Adjustment(msgspec.Struct):
    """A field of an accepted event that was not taken as sent."""

    index: int
    field: str
    message: str


class Receipt(msgspec.Struct):
    """Body of a 202; `token` is that of the last raw offsets (`eventrail.tokens`), without those of spooled events."""

    ok: bool
    accepted: int
    event_ids: list[str]
    durability: str
    token: str
    rejected: Sequence[Rejection] = ()
    ignored_fields: list[str] | UnsetType = UNSET
    adjusted: list[Adjustment] | UnsetType = UNSET


class Fault(msgspec.Struct):
    """Why a request as a whole was refused."""

    code: str
    message: str
    field: str | None = None


class Refusal(msgspec.Struct):
    """Body of every other answer."""

    error: Fault
    rejected: Sequence[Rejection] = ()
    event_ids: list[str] | UnsetType = UNSET
    ignored_fields: list[str] | UnsetType = UNSET


encode = msgspec.json.Encoder().encode


def rejection(index: int, refused: Refused, place: str) -> Rejection:
    """`refused` as an entry of a receipt; `place` is what its message begins with, such as "[3]"."""
    kind = refused.kind
    return Rejection(index, kind.code, message(refused, place), refused.field, kind.retry)


def message(refused: Refused, place: str) -> str:
    """The message with where it applies: "[3].event_name: ...", "event_name: ..." or "[3]: ..."."""
    field = "" if refused.names_field else refused.field
    where = f"{place}.{field}" if place and field else field or place
    return f"{where}: {refused.message}" if where else refused.message


def whole(refused: Refused) -> bytes:
    """Body of the refusal of a whole request."""
    return encode(Refusal(Fault(refused.kind.code, message(refused, ""), refused.field)))


def nothing_accepted(
    rejected: Sequence[Rejection], event_ids: list[str], ignored: list[str]
) -> tuple[Kind, bytes]:
    """The answer where every member was refused: the kind of the first one, and the body.

    `event_ids` are those that were assigned to events which a retry may save.
    """
    first = rejected[0]
    body = Refusal(
        Fault(first.code, first.message, first.field), rejected, event_ids or UNSET, ignored or UNSET
    )
    return KINDS[first.code], encode(body)
