"""The workbench of one event: what came in, what is known so far, what goes out."""

from dataclasses import dataclass, field

from enricher.enrichments.url import UrlParts
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, RawPosition
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.sealing import Address


@dataclass(slots=True)
class Draft:
    """One event between two steps. It lives for one call of `enrich`; each step writes only its own facts.

    `event` is what leaves; `address`, `page` and `session_campaign` are notes for later steps and leave with nobody.
    """

    raw: RawEvent
    position: RawPosition
    event: EnrichedEvent = field(default_factory=EnrichedEvent)
    address: Address | None = None
    page: UrlParts | None = None
    session_campaign: bytes = b""
