from collections.abc import Callable
from dataclasses import replace

import pytest

from enricher.enrichments.client_address import reject_forged_address
from enricher.enrichments.visitor import add_visitor
from enricher.lookups.salts import DaySalts, SaltMissing
from enricher.world import World
from eventrail.clock import MS_PER_DAY
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, VisitorSource
from eventrail.contract.v1.raw_pb2 import RawEvent
from tests.enricher.drafts import draft_of, event_of


def enriched(raw: RawEvent, world: World) -> EnrichedEvent:
    draft = draft_of(raw)
    reject_forged_address(draft, world)
    add_visitor(draft, world)
    return event_of(draft)


@pytest.fixture
def visitor_of(make_raw: Callable[..., RawEvent], world: World) -> Callable[..., str]:
    def visitor(**fields: object) -> str:
        return enriched(make_raw(**fields), world).visitor_id

    return visitor


def test_the_hash_is_32_hexadecimal_characters(visitor_of: Callable[..., str]) -> None:
    visitor = visitor_of()
    assert len(visitor) == 32
    assert set(visitor) <= set("0123456789abcdef")


def test_the_same_person_on_the_same_day_is_the_same_visitor(visitor_of: Callable[..., str]) -> None:
    day = 20_000 * MS_PER_DAY
    facts = [
        {"number": 1, "received_at_ms": day, "timestamp_ms": day - 3 * MS_PER_DAY, "url": "/a"},
        {"number": 2, "received_at_ms": day + MS_PER_DAY - 1, "timestamp_ms": day, "language": "de"},
    ]
    assert len({visitor_of(**fields) for fields in facts}) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"website_id": "blog"},
        {"address": "81.2.69.143"},
        {"address": "2a02:cf40::1"},
        {"user_agent": "curl/8.5.0"},
        {"user_agent": ""},
        {"received_at_ms": 20_000 * MS_PER_DAY - 1},
        {"received_at_ms": 20_001 * MS_PER_DAY},
    ],
)
def test_another_website_address_agent_or_day_is_another_visitor(
    visitor_of: Callable[..., str], other: dict[str, object]
) -> None:
    base: dict[str, object] = {"received_at_ms": 20_000 * MS_PER_DAY}
    assert visitor_of(**base) != visitor_of(**(base | other))


@pytest.mark.parametrize("given", ["alice", " Ünï ", "x" * 64, "0"])
def test_the_client_s_own_id_is_kept_as_given(visitor_of: Callable[..., str], given: str) -> None:
    assert visitor_of(visitor_id=given) == given
    assert visitor_of(visitor_id=given, address=None) == given


def test_without_an_address_there_is_no_visitor(visitor_of: Callable[..., str]) -> None:
    assert visitor_of(address=None) == ""


def test_who_is_not_to_be_tracked_has_no_id_not_even_its_own(visitor_of: Callable[..., str]) -> None:
    assert visitor_of(without_visitor=True) == ""
    assert visitor_of(without_visitor=True, visitor_id="alice") == ""


@pytest.mark.parametrize(
    ("fields", "source", "length"),
    [
        ({"visitor_id": "alice"}, VisitorSource.VISITOR_SOURCE_CLIENT, 5),
        ({"visitor_id": "alice", "address": None}, VisitorSource.VISITOR_SOURCE_CLIENT, 5),
        ({}, VisitorSource.VISITOR_SOURCE_HASH, 32),
        ({"address": None}, VisitorSource.VISITOR_SOURCE_NONE, 0),
        ({"without_visitor": True}, VisitorSource.VISITOR_SOURCE_WITHHELD, 0),
        ({"without_visitor": True, "visitor_id": "alice"}, VisitorSource.VISITOR_SOURCE_WITHHELD, 0),
        ({"without_visitor": True, "address": None}, VisitorSource.VISITOR_SOURCE_WITHHELD, 0),
    ],
)
def test_where_the_id_comes_from_or_why_there_is_none_is_always_said(
    make_raw: Callable[..., RawEvent],
    world: World,
    fields: dict[str, object],
    source: VisitorSource.ValueType,
    length: int,
) -> None:
    event = enriched(make_raw(**fields), world)
    assert (event.visitor_source, len(event.visitor_id)) == (source, length)


def test_an_event_whose_salt_is_gone_goes_on_without_an_id(
    make_raw: Callable[..., RawEvent], world: World
) -> None:
    raw = make_raw()
    day = raw.received_at_ms // MS_PER_DAY
    event = enriched(raw, replace(world, salts=DaySalts({}, first_kept=day + 1)))
    assert (event.visitor_id, event.visitor_source) == ("", VisitorSource.VISITOR_SOURCE_SALT_GONE)


def test_while_the_salt_can_still_come_there_is_no_answer(
    make_raw: Callable[..., RawEvent], world: World
) -> None:
    raw = make_raw()
    day = raw.received_at_ms // MS_PER_DAY
    waiting = replace(world, salts=DaySalts({}, first_kept=day))
    with pytest.raises(SaltMissing):
        enriched(raw, waiting)
    # Those that need no salt are not held up.
    assert enriched(make_raw(visitor_id="alice"), waiting).visitor_id == "alice"
    assert enriched(make_raw(address=None), waiting).visitor_id == ""
