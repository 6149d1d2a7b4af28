"""From the bytes of a body to events that are ready for the raw topic. No IO."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from collector.access import NOTHING_SHOWN, Door, Grant, Shown, address_of, agent_of, said_on_behalf
from collector.client_address import Address
from collector.event_ids import EventIds
from collector.partitions import Partitioner
from collector.payload import reading, rules
from collector.payload.timestamps import Window, corrected, identity_day
from collector.rate_limits import Allowance
from collector.receipts import Adjustment, Rejection, rejection
from collector.refusals import Refused
from collector.sinks import Placed
from eventrail.clock import utc_day
from eventrail.contract.v1.raw_pb2 import ClientHints, RawEvent, SealedAddress
from eventrail.sealing import AddressSealer


@dataclass(frozen=True, slots=True)
class Client:
    """Who sends: the address (None when unknown), the User-Agent header ("" when absent), what else is shown."""

    address: Address | None
    user_agent: str
    shown: Shown = NOTHING_SHOWN
    hints: ClientHints | None = None


@dataclass(slots=True)
class Taken:
    """What became of a body: events with their ids and places in it, and what was refused or adjusted."""

    events: list[Placed] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    adjusted: list[Adjustment] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    batch: bool = False

    def place(self, index: int) -> str:
        """What messages about a member begin with."""
        return f"[{index}]" if self.batch else ""

    def ignore(self, names: Iterable[str]) -> None:
        """Name fields as ignored, each once."""
        self.ignored.extend(name for name in names if name not in self.ignored)


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
        sealed = self._seal(client)
        for index, member in enumerate(read.members):
            try:
                if isinstance(member, Refused):
                    raise member
                event = rules.judge(member)
                grant = access.grant(event.website_id)
                sender = _on_behalf(event, client) if grant.by_key else client
                if allowance:
                    allowance.admit(event.website_id, grant.website.rate_limits, by_key=grant.by_key)
            except Refused as refused:
                taken.rejected.append(rejection(index, refused, taken.place(index)))
            else:
                _ignore(taken, event, grant)
                about = sealed if sender is client else self._seal(sender)
                self._add(taken, index, event, sender, about, received_at_ms, grant.withhold)
        return taken

    def _seal(self, client: Client) -> SealedAddress | None:
        return self._sealer.seal(client.address) if client.address else None

    def _add(
        self,
        taken: Taken,
        index: int,
        event: rules.Event,
        client: Client,
        sealed: SealedAddress | None,
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
            client_address=sealed,
            user_agent=client.user_agent,
            client_hints=client.hints,
            without_visitor=withhold,
        )
        _add_page(raw, event)
        taken.events.append(Placed(self._key(event, client), raw.SerializeToString()))
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

    def _key(self, event: rules.Event, client: Client) -> int:
        if event.visitor_id:
            return self._partitioner.of_visitor(event.website_id, event.visitor_id)
        return self._partitioner.of_client(event.website_id, client.address, client.user_agent)


def _on_behalf(event: rules.Event, client: Client) -> Client:
    """The visitor for whom a server sends; what the event does not say of it stays the server's."""
    if not (event.client_ip or event.user_agent):
        return client
    address = address_of(event.client_ip) if event.client_ip else client.address
    agent = agent_of(event.user_agent)
    if not agent:
        return replace(client, address=address)
    return replace(client, address=address, user_agent=agent, hints=None)  # the hints are those of the server


def _ignore(taken: Taken, event: rules.Event, grant: Grant) -> None:
    if not grant.by_key:
        taken.ignore(said_on_behalf(event.client_ip, event.user_agent))
    if grant.withhold and event.visitor_id:
        event.visitor_id = ""
        taken.ignore(("visitor_id",))


def _add_page(raw: RawEvent, event: rules.Event) -> None:
    for name, text in event.texts.items():
        if name.startswith("utm_"):
            setattr(raw.campaign, name.removeprefix("utm_"), text)
        else:
            setattr(raw, name, text)
    if event.screen:
        raw.screen.width, raw.screen.height = event.screen
