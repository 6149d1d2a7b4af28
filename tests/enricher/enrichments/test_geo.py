from collections.abc import Callable
from dataclasses import replace

import pytest

from enricher.enrichments.client_address import reject_forged_address
from enricher.enrichments.geo import add_geo
from enricher.lookups.geo import open_database
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, Geo
from eventrail.contract.v1.raw_pb2 import RawEvent
from tests.enricher.drafts import draft_of, event_of


def enriched(raw: RawEvent, world: World) -> EnrichedEvent:
    draft = draft_of(raw)
    reject_forged_address(draft, world)
    add_geo(draft, world)
    return event_of(draft)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("81.2.69.142", Geo(country="GB", region="England", city="Boxford")),
        ("2a02:cf40::1", Geo(country="NO", city="Oslo")),
    ],
)
def test_a_known_address_has_a_place(
    make_raw: Callable[..., RawEvent], world: World, address: str, place: Geo
) -> None:
    assert enriched(make_raw(address=address), world).geo == place


@pytest.mark.parametrize("address", ["10.0.0.1", "8.8.8.8", "::1", None])
def test_an_unknown_address_or_none_has_no_place(
    make_raw: Callable[..., RawEvent], world: World, address: str | None
) -> None:
    assert not enriched(make_raw(address=address), world).HasField("geo")


def test_of_a_client_that_asked_not_to_be_tracked_only_the_country_is_kept(
    make_raw: Callable[..., RawEvent], world: World
) -> None:
    assert enriched(make_raw(without_visitor=True), world).geo == Geo(country="GB")
    only_region = make_raw(address="2a0e:97c0::7", without_visitor=True)
    assert not enriched(only_region, world).HasField("geo")


def test_without_a_database_there_is_no_place(make_raw: Callable[..., RawEvent], world: World) -> None:
    assert not enriched(make_raw(), replace(world, geo=open_database(None))).HasField("geo")


def test_of_who_is_not_to_be_tracked_only_the_country_is_kept(
    make_raw: Callable[..., RawEvent], world: World
) -> None:
    raw = make_raw(address="81.2.69.142", without_visitor=True)
    assert enriched(raw, world).geo == Geo(country="GB")
