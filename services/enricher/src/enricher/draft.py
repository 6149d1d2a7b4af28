"""The workbench of one event: what came in, what is known so far, what goes out."""

from dataclasses import dataclass, field

from enricher.enrichments.url import UrlParts
from enricher.lookups.agents import AgentFacts
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, RawPosition
from eventrail.contract.v1.raw_pb2 import RawEvent


@dataclass(slots=True)
class Draft:
    """One event between two steps. It lives for one call of `enrich`; each step writes only its own facts.

    `event` is what leaves; what stands behind it are notes for later steps, which leave with nobody. `address` is
    packed: 4 or 16 bytes.
    """

    raw: RawEvent
    position: RawPosition
    event: EnrichedEvent = field(default_factory=EnrichedEvent)
    address: bytes | None = None
    page: UrlParts | None = None
    client: AgentFacts | None = None
    session_campaign: bytes = b""
