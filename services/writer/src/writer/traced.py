"""Which of the records that wait belong to traced requests: each has a span from reading to commit."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from eventrail.clock import Clock
from eventrail.contract.codec import TRACEPARENT_HEADER
from eventrail.contract.topics import ENRICHED
from eventrail.tracing import Attributes, Traces

_SPAN: Final = "write"
_ATTRIBUTES: Final = {
    "messaging.system": "kafka",
    "messaging.destination.name": ENRICHED.name,
    "db.system.name": "clickhouse",
}


class WithHeaders(Protocol):
    """A record as aiokafka has it."""

    @property
    def offset(self) -> int: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class _Read(NamedTuple):
    offset: int
    traceparent: str
    at_ms: int


class Traced:
    """Takes note of traced records as they are read, and tells `traces` when they are committed."""

    def __init__(self, traces: Traces, clock: Clock) -> None:
        self._traces = traces
        self._clock = clock
        self._read: defaultdict[int, list[_Read]] = defaultdict(list)

    def read(self, partition: int, records: Iterable[WithHeaders]) -> None:
        """Records of one partition, in their order."""
        for record in records:
            headers = record.headers
            if headers and headers[-1][0] == TRACEPARENT_HEADER:
                context = headers[-1][1].decode("latin-1")
                self._read[partition].append(_Read(record.offset, context, self._clock.now_ms()))

    def committed(self, next_offsets: Mapping[int, int]) -> None:
        """All records below these offsets, by partition, are rows that can be asked for."""
        spans: dict[str, int] = {}
        events: Counter[str] = Counter()
        for partition, end in next_offsets.items():
            waiting = self._read.pop(partition, [])
            for found in waiting:
                if found.offset < end:
                    events[found.traceparent] += 1
                    spans.setdefault(found.traceparent, found.at_ms)
            if left := [found for found in waiting if found.offset >= end]:
                self._read[partition] = left
        for traceparent, began_ms in spans.items():
            attributes: Attributes = {"eventrail.events": events[traceparent], **_ATTRIBUTES}
            self._traces.ended(_SPAN, traceparent, began_ms, attributes)

    def forget(self) -> None:
        """What was read is dropped, and will be read again, here or elsewhere."""
        self._read.clear()
