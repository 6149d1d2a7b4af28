"""The headers of a record: CloudEvents 1.0 by its Kafka binding, in binary content mode."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from eventrail_subscriber.faults import Fault, Rule
from eventrail_subscriber.v1.enriched_pb2 import EnrichedEvent

Headers = Mapping[str, bytes] | Iterable[tuple[str, bytes]] | None
"""As Kafka clients hand them out: pairs (aiokafka, confluent-kafka, kafka-python), a mapping (Faust), or None."""

TYPE_HEADER: Final = "ce_type"
TYPE: Final = b"io.eventrail.event.enriched.v1"
LATEST_MS: Final = 253_402_300_799_999
"""Last millisecond of the year 9999, in Unix time: what `ce_time` can still say."""

_SHOWN: Final = 60


def pairs(headers: Headers) -> list[tuple[str, bytes]]:
    """`headers` as pairs in their order."""
    if headers is None:
        return []
    return list(headers.items() if isinstance(headers, Mapping) else headers)


def other_type(headers: list[tuple[str, bytes]]) -> Fault | None:
    """The fault of a record that says of itself that it is something else."""
    types = [value for name, value in headers if name == TYPE_HEADER]
    if len(types) != 1 or types[0] == TYPE:
        return None
    return Fault(Rule.TYPE, f"{TYPE_HEADER} is {_shown(types[0])}, and not {TYPE.decode()}")


def of(event: EnrichedEvent) -> list[tuple[str, bytes]]:
    """The headers that a record of `event` has. `timestamp_ms` must lie in the years 1970 to 9999."""
    return [
        ("ce_specversion", b"1.0"),
        (TYPE_HEADER, TYPE),
        ("ce_source", f"/websites/{event.website_id}".encode()),
        ("ce_id", event.event_id.encode()),
        ("ce_time", _rfc3339(event.timestamp_ms)),
        ("ce_dataschema", b"tag:eventrail.io,2026:eventrail.v1.EnrichedEvent"),
        ("content-type", b"application/protobuf"),
    ]


def faults(headers: list[tuple[str, bytes]], event: EnrichedEvent) -> Iterator[Fault]:
    """Each header that is missing, stands twice, or does not say what the value says; further ones are fine."""
    if not 0 <= event.timestamp_ms <= LATEST_MS:
        return  # a fault of the fields; no header could say it
    for name, wanted in of(event):
        found = [value for other, value in headers if other == name]
        if found != [wanted]:
            yield Fault(Rule.HEADERS, _difference(name, found, wanted))


def _difference(name: str, found: list[bytes], wanted: bytes) -> str:
    if not found:
        return f"header {name} is missing"
    if len(found) > 1:
        return f"header {name} stands there {len(found)} times"
    return f"header {name} is {_shown(found[0])}, but must be {_shown(wanted)}"


def _shown(value: bytes | None) -> str:
    if value is None:
        return "empty"
    text = repr(value.decode("utf-8", "backslashreplace"))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...'"


def _rfc3339(unix_ms: int) -> bytes:
    second = datetime.fromtimestamp(unix_ms // 1000, UTC)
    return f"{second:%Y-%m-%dT%H:%M:%S}.{unix_ms % 1000:03d}Z".encode()
