"""Each record is held against the rules, one after the other."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol

from eventrail.clock import MS_PER_DAY
from eventrail.conformance.copies import Copies, Kind
from eventrail.conformance.findings import Findings, Place, TopicRule
from eventrail.conformance.order import Order, Step
from eventrail_subscriber import EnrichedEvent, Fault, Inspection, NotAnEvent, Rule, inspect, properties

CLOCKS_MS: Final = 5 * 60_000
"""How far the clocks of collectors, enrichers, brokers and this machine may lie apart."""


class Received(Protocol):
    """A record as aiokafka hands it out; `timestamp` in Unix milliseconds."""

    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Judge:
    """Looks at records, partition by partition, each in its order; `findings` is what came of it.

    `partition_of` gives the partition of a key, `now_ms` is the time in Unix milliseconds, `complete` are the
    partitions that are read from their very first record on. Memory: about 1 kB for each record.
    """

    def __init__(
        self, partition_of: Callable[[bytes], int], now_ms: int, complete: frozenset[int] = frozenset()
    ) -> None:
        self.findings = Findings()
        self._partition_of = partition_of
        self._now_ms = now_ms
        self._copies = Copies()
        self._order = Order(complete)

    def see(self, record: Received) -> None:
        """Count what is true of `record`."""
        place = Place(record.partition, record.offset)
        found = inspect(record.key, record.value, record.headers)
        self.findings.records += 1
        if found.faults and found.faults[0].rule is Rule.TYPE:
            self.findings.other_types += 1
            return
        for fault in _one_of_each(_all_faults(found)):
            self.findings.add(fault.rule, place, fault.what)
        if found.event is not None:
            self._see_partition(place, record.key)
            self._see_timestamp(place, record.timestamp, found.event.received_at_ms)
            self._see_others(place, record, found.event)

    def _see_partition(self, place: Place, key: bytes | None) -> None:
        if key is None:
            return  # a fault of the key
        wanted = self._partition_of(key)
        if wanted != place.partition:
            self.findings.add(TopicRule.PARTITION, place, f"its key belongs to partition {wanted}")

    def _see_timestamp(self, place: Place, dated_ms: int, accepted_ms: int) -> None:
        # What waited for longer than a day is dated a day before it was published.
        latest_ms = max(accepted_ms, self._now_ms - MS_PER_DAY) + CLOCKS_MS
        if dated_ms > self._now_ms + CLOCKS_MS:
            self.findings.add(TopicRule.TIMESTAMP, place, f"its timestamp {dated_ms} lies in the future")
        elif not accepted_ms - CLOCKS_MS <= dated_ms <= latest_ms:
            what = f"its timestamp is {dated_ms}, but it was accepted at {accepted_ms}"
            self.findings.add(TopicRule.TIMESTAMP, place, what)

    def _see_others(self, place: Place, record: Received, event: EnrichedEvent) -> None:
        if not event.HasField("raw_position"):
            return  # a fault of the fields, and without it nothing can be said
        kind, what = self._copies.see(place, record.key or b"", record.value or b"", event)
        if what:
            self.findings.add(TopicRule.COPIES, place, what)
        if kind is Kind.COPY_OF_ENRICHER:
            self.findings.copies_of_enricher += 1
            return
        self.findings.copies_of_clients += kind is Kind.COPY_OF_CLIENT
        self._see_order(place, event)

    def _see_order(self, place: Place, event: EnrichedEvent) -> None:
        step = self._order.see(place.partition, event)
        if step is Step.OUT_OF_ORDER:
            what = "it stands behind a later event of its visitor, and is no copy"
            self.findings.add(TopicRule.ORDER, place, what)
        self.findings.not_judged += step is Step.NOT_JUDGED


def _all_faults(found: Inspection) -> Iterator[Fault]:
    """What is wrong with a record by itself; reading an event leaves its properties to whoever wants them."""
    yield from found.faults
    try:
        if found.event is not None:
            properties(found.event)
    except NotAnEvent as error:
        yield error.fault


def _one_of_each(faults: Iterable[Fault]) -> Iterator[Fault]:
    """The first fault of each rule, so that it is records that are counted."""
    told: set[Rule] = set()
    for fault in faults:
        if fault.rule not in told:
            told.add(fault.rule)
            yield fault
