from collections.abc import Callable
from dataclasses import replace

from enricher.enrichments.versions import RULES_VERSION, add_versions
from enricher.lookups.geo import open_database
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import Enrichment
from eventrail.contract.v1.raw_pb2 import RawEvent
from tests.enricher.drafts import draft_of, event_of


def versions(raw: RawEvent, world: World) -> Enrichment:
    draft = draft_of(raw)
    add_versions(draft, world)
    return event_of(draft).enrichment


def test_rules_and_databases_are_named(make_raw: Callable[..., RawEvent], world: World) -> None:
    found = versions(make_raw(), world)
    assert found.rules_version == RULES_VERSION == 3
    assert found.agent_rules == world.agents.rules
    assert found.geo_database.startswith("Test-City 2")


def test_without_a_database_none_is_named(make_raw: Callable[..., RawEvent], world: World) -> None:
    assert versions(make_raw(), replace(world, geo=open_database(None))).geo_database == ""
