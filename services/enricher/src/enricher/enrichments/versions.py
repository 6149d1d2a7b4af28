"""Which rules and databases made the facts, so that a later re-enrichment can be compared."""

from functools import lru_cache
from typing import Final

from enricher.draft import Draft
from enricher.fragments import fragment
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import Enrichment

RULES_VERSION: Final = 3
"""Counted up whenever a step gives another answer than before to the same event."""


def add_versions(draft: Draft, world: World) -> None:
    """`enrichment`: the versions in use for this event."""
    draft.enrichment = _versions(world.agents.rules, world.geo.database)


@lru_cache(maxsize=16)
def _versions(agent_rules: str, geo_database: str) -> bytes:
    versions = Enrichment(rules_version=RULES_VERSION, agent_rules=agent_rules, geo_database=geo_database)
    return fragment(enrichment=versions)
