"""Every topic of Eventrail, declared once: creation, verification and the docs read this list."""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True)
class Topic:
    """One topic: its name, what it holds, and the settings it must have on the broker.

    `config` are Kafka topic settings by name; `single_partition` overrides the general partition count.
    """

    name: str
    holds: str
    config: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))
    single_partition: bool = False

    @property
    def kept_ms(self) -> int:
        """Longest time that a record stays, in milliseconds, as far as it is not compacted before; -1 for ever."""
        retention = int(self.config.get("retention.ms", -1))
        return retention + int(self.config["segment.ms"]) if retention >= 0 else -1

    def partitions(self, general: int) -> int:
        """Partition count, given the general one."""
        return 1 if self.single_partition else general


def _kept(hours: int, segment_hours: int, **more: str) -> MappingProxyType[str, str]:
    """Kafka removes whole segments, so a record may outlive its time by `segment_hours` and no more."""
    settings = {name.replace("_", "."): value for name, value in more.items()}
    times = {"retention.ms": str(hours * _HOUR_MS), "segment.ms": str(segment_hours * _HOUR_MS)}
    return MappingProxyType({"cleanup.policy": "delete", **times, **settings})


RAW: Final = Topic("eventrail.raw.v1", "RawEvents", _kept(48, 1))
ENRICHED: Final = Topic("eventrail.enriched.v1", "EnrichedEvent", _kept(7 * 24, 12))

REJECTED_BYTES: Final = 2 * 1024 * 1024
"""Largest record batch on the rejected topic: a record of the largest size on any other topic (Kafka's default is
1,048,588 bytes) fits in with all its bytes, and what is said about it."""

REJECTED: Final = Topic(
    "eventrail.rejected.v1", "RejectedEvent", _kept(14 * 24, 24, max_message_bytes=str(REJECTED_BYTES))
)

ERASURES: Final = Topic(
    "eventrail.erasures.v1",
    "Erasure",
    # For ever: a table that comes back from a backup of any age is cleaned again by reading it from its beginning. One
    # partition, so that there is one order and an end that tells whether all of it is known.
    MappingProxyType({"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}),
    single_partition=True,
)

SALTS: Final = Topic(
    "eventrail.salts.v1",
    "SealedSalt",
    # Small segments and an eager cleaner: a salt is to leave the disk soon after its tombstone. The broker stamps
    # the records, because the keeper of the salts compares its clock with the broker's.
    MappingProxyType(
        {
            "cleanup.policy": "compact",
            "message.timestamp.type": "LogAppendTime",
            "segment.ms": "600000",
            "min.cleanable.dirty.ratio": "0.01",
            "max.compaction.lag.ms": "600000",
            "delete.retention.ms": "3600000",
            "file.delete.delay.ms": "60000",
        }
    ),
    single_partition=True,
)

SPOOLS: Final = Topic(
    "eventrail.spools.v1",
    "SpoolReport by spool (internal)",
    # Each spool writes a record a second, of which the last one counts: small segments and an eager cleaner keep the
    # topic short. The broker stamps the records, so that people see by one clock for how long a spool has been silent.
    MappingProxyType(
        {
            "cleanup.policy": "compact",
            "message.timestamp.type": "LogAppendTime",
            "segment.ms": "600000",
            "min.cleanable.dirty.ratio": "0.1",
            "max.compaction.lag.ms": "3600000",
        }
    ),
    single_partition=True,
)

ENRICHER_APP: Final = "eventrail-enricher"
"""Consumer group of the enricher and prefix of its changelogs."""

WRITER_GROUP: Final = "eventrail-writer"
"""Consumer group of the writer."""

AUDITOR_GROUP: Final = "eventrail-auditor"
"""Consumer group under which the auditor commits; it has no members."""

SESSIONS_TABLE: Final = "sessions"
"""Name of the enricher's Faust table."""

SESSIONS_CHANGELOG: Final = Topic(
    f"{ENRICHER_APP}-{SESSIONS_TABLE}-changelog",
    "session state by website and visitor (internal)",
    # A live session always has a record younger than its longest life, so old ones may go unread.
    MappingProxyType(
        {
            "cleanup.policy": "compact,delete",
            "retention.ms": str(48 * _HOUR_MS),
            "segment.ms": str(6 * _HOUR_MS),
        }
    ),
)

ALL: Final = (RAW, ENRICHED, REJECTED, ERASURES, SALTS, SPOOLS, SESSIONS_CHANGELOG)
