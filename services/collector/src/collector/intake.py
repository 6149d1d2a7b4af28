"""From the bytes of a body to events that are ready for the raw topic. No IO."""

from dataclasses import dataclass, field

from collector.client_address import Address
from collector.event_ids import EventIds
from collector.partitions import Partitioner
from collector.payload import reading, rules
from collector.payload.timestamps import Window, identity_day
from collector.receipts import Adjustment, Rejection, rejection
from collector.refusals import Refused
from collector.sinks import Placed
from eventrail.clock import utc_day
from eventrail.contract.v1.raw_pb2 import RawEvent, SealedAddress
from eventrail.sealing import AddressSealer


@dataclass(frozen=True, slots=True)
class Client:
    """Who sends: the address (None when unknown) and the User-Agent header ("" when absent)."""

    address: Address | None
    user_agent: str


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


class Intake:
    """Reads bodies, judges members, and gives ids, partitions and sealed addresses."""

    def __init__(
        self, partitioner: Partitioner, sealer: AddressSealer, event_ids: EventIds, window: Window
    ) -> None:
        self._partitioner = partitioner
        self._sealer = sealer
        self._event_ids = event_ids
        self._window = window

    def take(self, body: bytes, client: Client, received_at_ms: int) -> Taken:
        """What becomes of `body`. Raises Refused where it is refused as a whole."""
        read = reading.read(body)
        taken = Taken(batch=read.batch, ignored=read.unknown)
        sealed = self._sealer.seal(client.address) if client.address else None
        for index, member in enumerate(read.members):
            try:
                if isinstance(member, Refused):
                    raise member
                event = rules.judge(member)
            except Refused as refused:
                taken.rejected.append(rejection(index, refused, taken.place(index)))
            else:
                self._add(taken, index, event, client, sealed, received_at_ms)
        return taken

    def _add(
        self,
        taken: Taken,
        index: int,
        event: rules.Event,
        client: Client,
        sealed: SealedAddress | None,
        received_at_ms: int,
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
        if self._window.holds(event.sent_ms, received_at_ms):
            return event.sent_ms
        where = taken.place(index)
        taken.adjusted.append(
            Adjustment(
                index,
                event.time_field,
                f"{where}{'.' if where else ''}{event.time_field}: more than {self._window.ahead_ms // 1000:,} s "
                f"ahead or {self._window.back_ms // 1000:,} s back; the receive time was taken",
            )
        )
        return received_at_ms

    def _key(self, event: rules.Event, client: Client) -> int:
        if event.visitor_id:
            return self._partitioner.of_visitor(event.website_id, event.visitor_id)
        return self._partitioner.of_client(event.website_id, client.address, client.user_agent)


def _add_page(raw: RawEvent, event: rules.Event) -> None:
    for name, text in event.texts.items():
        if name.startswith("utm_"):
            setattr(raw.campaign, name.removeprefix("utm_"), text)
        else:
            setattr(raw, name, text)
    if event.screen:
        raw.screen.width, raw.screen.height = event.screen
