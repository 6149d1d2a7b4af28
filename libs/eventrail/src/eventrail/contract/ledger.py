"""What may become of an accepted event, stage by stage: the closed list, for who keeps the ledger and who reads it."""

from collections.abc import Mapping
from typing import Final

RAW, ENRICHER, WRITER = "raw", "enricher", "writer"
ACCEPTED, ENRICHED, STORED, DUPLICATE = "accepted", "enriched", "stored", "duplicate"
REJECTED, ERASED, EXPIRED, IN_FLIGHT = "rejected", "erased", "expired", "in_flight"
UNACCOUNTED = "unaccounted"

OUTCOMES: Final[Mapping[str, tuple[str, ...]]] = {
    RAW: (ACCEPTED,),
    ENRICHER: (ENRICHED, REJECTED, EXPIRED, IN_FLIGHT),
    WRITER: (STORED, DUPLICATE, REJECTED, ERASED, IN_FLIGHT, UNACCOUNTED),
}
"""Outcomes by stage. accepted = sum of the enricher's; enriched = sum of the writer's."""

Key = tuple[str, str]
"""Stage and outcome."""

KEYS: Final[tuple[Key, ...]] = tuple(
    (stage, outcome) for stage, names in OUTCOMES.items() for outcome in names
)
