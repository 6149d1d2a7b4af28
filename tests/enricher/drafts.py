"""Drafts out of messages, and events out of drafts, as whole messages: for tests of single steps and of all."""

from typing import Any

from enricher import pipeline
from enricher.draft import Draft, read
from enricher.fragments import fragment
from enricher.outgoing import written
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, RawPosition
from eventrail.contract.v1.raw_pb2 import RawEvent


def draft_of(raw: RawEvent, position: RawPosition | None = None, **facts: Any) -> Draft:
    """The draft of `raw` before the first step; `facts` are what earlier steps wrote."""
    return Draft(read(raw), fragment(raw_position=position or RawPosition()), **facts)


def event_of(draft: Draft) -> EnrichedEvent:
    """What would leave if no step came any more."""
    return EnrichedEvent.FromString(written(draft))


def enrich(raw: RawEvent, position: RawPosition, world: World) -> EnrichedEvent:
    """All steps."""
    return event_of(pipeline.enrich(raw, fragment(raw_position=position), world))
