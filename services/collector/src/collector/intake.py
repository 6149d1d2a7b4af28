"""From the bytes of a body to events that are ready for the raw topic. No IO."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from collector.access import NOTHING_SHOWN, Door, Grant, Shown, address_of, agent_of, said_on_behalf
from collector.client_address import Address
from collector.event_ids import EventIds
from collector.partitions import Partitioner
from collector.payload import reading, rules, usual
from collector.payload.timestamps import Window, corrected, identity_day
from collector.rate_limits import Allowance
from collector.receipts import Adjustment, Rejection, rejection
from collector.refusals import Refused
from collector.sinks import Placed
from eventrail.clock import utc_day
from eventrail.contract.v1.enriched_pb2 import Screen
from eventrail.contract.v1.raw_pb2 import ClientHints, RawEvent
from eventrail.sealing import AddressSealer


class Client(NamedTuple):
    """Who sends: the address (None when unknown), the User-Agent header ("" when absent), what else is shown.

    `traceparent` is the context of a request that is traced.
    """

    address: Address | None
    user_agent: str
    shown: Shown = NOTHING_SHOWN
    hints: ClientHints | None = None
    traceparent: str = ""


class Taken(msgspec.Struct):
    """What became of a body: events with their ids and places in it, and what was refused or adjusted."""

    events: list[Placed] = []
    event_ids: list[str] = []
    indexes: list[int] = []
    rejected: list[Rejection] = []
    adjusted: list[Adjustment] = []
    ignored: list[str] = []
    batch: bool = False

    def place(self, index: int) -> str:
        """What messages about a member begin with."""
        return f"[{index}]" if self.batch else ""

    def ignore(self, names: Iterable[str]) -> None:
        """Name fields as ignored, each once."""
        self.ignored.extend(name for name in names if name not in self.ignored)


class _Sender:
    """A client with what is the same in all events of one request that are its own."""

    __slots__ = ("_client", "_keys", "_partitioner", "about")

    def __init__(self, client: Client, sealer: AddressSealer, partitioner: Partitioner) -> None:
        self._client = client
        self._partitioner = partitioner
        self._keys: dict[str, int] = {}
        sealed = sealer.seal(client.address) if client.address else None
        self.about = RawEvent(
            client_address=sealed,
            user_agent=client.user_agent,
            client_hints=client.hints,
            traceparent=client.traceparent,
        ).SerializeToString()
        """A RawEvent with the fields that are the client's: appended to another one it is merged into it."""

    def key(self, event: rules.Event) -> int:
        website_id = event.website_id
        if event.visitor_id:
            return self._partitioner.of_visitor(website_id, event.visitor_id)
        if website_id not in self._keys:
            client = self._client
            self._keys[website_id] = self._partitioner.of_client(
                website_id, client.address, client.user_agent
            )
        return self._keys[website_id]


class Intake:
    """Reads bodies, judges members, and gives ids, partitions and sealed addresses."""

    def __init__(
        self,
        partitioner: Partitioner,
        sealer: AddressSealer,
        event_ids: EventIds,
        window: Window,
        door: Door | None = None,
    ) -> None:
        self._partitioner = partitioner
        self._sealer = sealer
        self._event_ids = event_ids
        self._window = window
        self._door = door or Door()

    def take(
        self, body: bytes, client: Client, received_at_ms: int, allowance: Allowance | None = None
    ) -> Taken:
        """What becomes of `body`, within the limits of `allowance`. Raises Refused where it is refused as a whole."""
        read = reading.read(body)
        taken = Taken(batch=read.batch, ignored=read.unknown)
        access = self._door.access(client.shown)
        sender = self._sender(client)
        for index, member in enumerate(read.members):
            try:
                if isinstance(member, Refused):
                    raise member
                event = usual.judge(member) or rules.judge(member)
                grant = access.grant(event.website_id)
                other = _on_behalf(event, client) if grant.by_key else client
                if allowance and allowance.concerns(grant.rate_limits):
                    allowance.admit(event.website_id, grant.rate_limits, by_key=grant.by_key)
            except Refused as refused:
                taken.rejected.append(rejection(index, refused, taken.place(index)))
            else:
                _ignore(taken, event, grant)
                by = sender if other is client else self._sender(other)
                self._add(taken, index, event, by, received_at_ms, grant.withhold)
        return taken

    def _sender(self, client: Client) -> _Sender:
        return _Sender(client, self._sealer, self._partitioner)

    def _add(
        self,
        taken: Taken,
        index: int,
        event: rules.Event,
        sender: _Sender,
        received_at_ms: int,
        withhold: bool,  # noqa: FBT001
    ) -> None:
        event_id, day = self._identity(event, received_at_ms)
        raw = RawEvent(
            website_id=event.website_id,
            event_id=event_id,
            event_type=event.event_type,
            event_name=event.event_name,
            timestamp_ms=self._timestamp(taken, index, event, received_at_ms),
            received_at_ms=received_at_ms,
            identity_day=day,
            event_data=event.event_data,
            visitor_id=event.visitor_id,
            url=event.url,
            referrer=event.referrer,
            language=event.language,
            without_visitor=withhold,
        )
        value = raw.SerializeToString() + sender.about
        if event.screen:
            value += _screen(*event.screen)
        if event.campaign:
            value += _campaign(event.campaign)
        taken.events.append(Placed(sender.key(event), value))
        taken.event_ids.append(event_id)
        taken.indexes.append(index)

    def _identity(self, event: rules.Event, received_at_ms: int) -> tuple[str, int]:
        if event.event_id and event.sent_ms is not None:
            return event.event_id, identity_day(event.sent_ms)
        event_id, carried_ms = self._event_ids.make(received_at_ms)
        # A client that retries with this id and no timestamp sends the id's own time: the same day.
        return event_id, utc_day(carried_ms) if event.sent_ms is None else identity_day(event.sent_ms)

    def _timestamp(self, taken: Taken, index: int, event: rules.Event, received_at_ms: int) -> int:
        if event.sent_ms is None:
            return received_at_ms
        happened_ms = corrected(event.sent_ms, event.clock_ms, received_at_ms)
        if self._window.holds(happened_ms, received_at_ms):
            return happened_ms
        message = self._window.beyond(corrected=event.clock_ms is not None)
        place = taken.place(index)
        where = f"{place}.{event.time_field}" if place else event.time_field
        taken.adjusted.append(Adjustment(index, event.time_field, f"{where}: {message}"))
        return received_at_ms


def _on_behalf(event: rules.Event, client: Client) -> Client:
    """The visitor for whom a server sends; what the event does not say of it stays the server's."""
    if not (event.client_ip or event.user_agent):
        return client
    address = address_of(event.client_ip) if event.client_ip else client.address
    agent = agent_of(event.user_agent)
    if not agent:
        return client._replace(address=address)
    return client._replace(address=address, user_agent=agent, hints=None)  # the hints are those of the server


def _ignore(taken: Taken, event: rules.Event, grant: Grant) -> None:
    if not grant.by_key and (event.client_ip or event.user_agent):
        taken.ignore(said_on_behalf(event.client_ip, event.user_agent))
    if grant.withhold and event.visitor_id:
        event.visitor_id = ""
        taken.ignore(("visitor_id",))


@lru_cache(4096)
def _screen(width: int, height: int) -> bytes:
    return RawEvent(screen=Screen(width=width, height=height)).SerializeToString()


def _campaign(texts: Mapping[str, str]) -> bytes:
    raw = RawEvent()
    for name, text in texts.items():
        setattr(raw.campaign, name, text)
    return raw.SerializeToString()
