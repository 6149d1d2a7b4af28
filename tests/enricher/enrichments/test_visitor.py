from collections.abc import Callable
from ipaddress import ip_address

import pytest

from enricher.draft import Draft
from enricher.enrichments.client_address import reject_forged_address
from enricher.enrichments.visitor import add_visitor, visitor_hash
from enricher.world import World
from eventrail.clock import MS_PER_DAY
from eventrail.contract.v1.enriched_pb2 import RawPosition
from eventrail.contract.v1.raw_pb2 import RawEvent


@pytest.fixture
def visitor_of(make_raw: Callable[..., RawEvent], world: World) -> Callable[..., str]:
    def visitor(**fields: object) -> str:
        draft = Draft(make_raw(**fields), RawPosition())
        reject_forged_address(draft, world)
        add_visitor(draft, world)
        return draft.event.visitor_id

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


def test_nobody_recomputes_the_hash_without_the_salt() -> None:
    facts = ("shop", ip_address("81.2.69.142"), "curl/8.5.0")
    assert visitor_hash(b"a" * 32, *facts) != visitor_hash(b"b" * 32, *facts)


def test_bytes_do_not_wander_between_the_parts() -> None:
    address = ip_address("97.98.99.100")
    assert visitor_hash(b"a" * 32, "x", address, "abcd") != visitor_hash(b"a" * 32, "xabcd", address, "")
