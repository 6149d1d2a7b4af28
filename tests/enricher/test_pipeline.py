import base64
import random
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enricher.lookups.visitor_ids import VisitorIds
from enricher.pipeline import STEPS, EnrichmentFailed
from enricher.world import MemorySessionStore, World
from eventrail.contract.codec import LATEST_MS
from eventrail.contract.v1.enriched_pb2 import Campaign, EnrichedEvent, RawPosition, Screen
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.errors import ContractError, UnavailableError
from eventrail.sealing import AddressOpener, UnknownKey
from tests.enricher.drafts import enrich

POSITION = RawPosition(partition=3, offset=41, index=7)
ADDRESS = "81.2.69.142"

FACTS: dict[str, Any] = {
    "event_data": '{"plan":"pro"}',
    "url": "https://Example.com/pricing?utm_source=news&utm_medium=email#top",
    "referrer": "https://me:secret@www.google.com/search?q=x#y",
    "language": "en-GB",
    "screen": Screen(width=1920, height=1080),
    "campaign": Campaign(medium="push"),
}


def values_of(world: World) -> dict[bytes, bytes]:
    assert isinstance(world.sessions, MemorySessionStore)
    return world.sessions.values


def with_state(world: World, values: dict[bytes, bytes]) -> World:
    return replace(world, sessions=MemorySessionStore(values))


def test_an_event_gets_all_its_facts(make_raw: Callable[..., RawEvent], world: World) -> None:
    event = enrich(make_raw(**FACTS), POSITION, world)
    found = MessageToDict(event, preserving_proto_field_name=True)
    assert len(found.pop("visitor_id")) == 32
    assert len(found.pop("session_id")) == 36
    assert found == {
        "website_id": "shop",
        "event_id": "00000000-0000-7000-8000-000000000001",
        "event_type": "EVENT_TYPE_CUSTOM",
        "event_name": "signup_click",
        "timestamp_ms": "1780056000000",
        "received_at_ms": "1780056000000",
        "identity_day": 20602,
        "event_data": '{"plan":"pro"}',
        "page": {
            "url": "https://Example.com/pricing?utm_source=news&utm_medium=email#top",
            "host": "example.com",
            "path": "/pricing",
            "query": "utm_source=news&utm_medium=email",
        },
        "visitor_source": "VISITOR_SOURCE_HASH",
        "session_started_at_ms": "1780056000000",
        "geo": {"country": "GB", "region": "England", "city": "Boxford"},
        "agent": {"browser": "Firefox", "browser_version": "140.0", "os": "Linux", "device_type": "desktop"},
        "referrer": {"url": "https://www.google.com/search?q=x", "domain": "google.com"},
        "campaign": {"source": "news", "medium": "push"},
        "channel": "Mobile Push",
        "language": "en-GB",
        "screen": {"width": 1920, "height": 1080},
        "raw_position": {"partition": 3, "offset": "41", "index": 7},
        "enrichment": {
            "rules_version": 3,
            "agent_rules": world.agents.rules,
            "geo_database": world.geo.database,
        },
    }


def test_an_event_with_nothing_beside_it_passes(make_raw: Callable[..., RawEvent], world: World) -> None:
    event = enrich(make_raw(address=None, user_agent=""), POSITION, world)
    absent = ("page", "geo", "agent", "referrer", "campaign", "screen")
    assert not any(event.HasField(name) for name in absent)  # type: ignore[arg-type]
    assert (event.visitor_id, event.session_id, event.session_started_at_ms) == ("", "", 0)
    assert values_of(world) == {}


def test_the_same_event_lookups_and_state_give_the_same_bytes(
    make_raw: Callable[..., RawEvent], world: World
) -> None:
    raws = [
        make_raw(number, **FACTS, timestamp_ms=1_780_056_000_000 + number * 10**6) for number in range(1, 20)
    ]
    one, other = with_state(world, {}), with_state(world, {})
    first = [enrich(raw, POSITION, one).SerializeToString(deterministic=True) for raw in raws]
    copies = [RawEvent.FromString(raw.SerializeToString()) for raw in raws]
    second = [enrich(raw, POSITION, other).SerializeToString(deterministic=True) for raw in copies]
    assert first == second
    assert values_of(one) == values_of(other)


def test_the_raw_event_is_left_as_it_was(make_raw: Callable[..., RawEvent], world: World) -> None:
    raw = make_raw(**FACTS)
    before = raw.SerializeToString()
    enrich(raw, POSITION, world)
    assert raw.SerializeToString() == before


# --- no address leaves


def forms_of(address: IPv4Address | IPv6Address) -> list[bytes]:
    packed = address.packed
    text = {str(address), address.exploded, address.reverse_pointer, str(int(address)), f"{int(address):x}"}
    encoded = {packed.hex(), packed.hex(":"), packed.hex(".")}
    encoded |= {
        base64.b64encode(packed).decode().rstrip("="),
        base64.urlsafe_b64encode(packed).decode().rstrip("="),
    }
    both = {form.encode() for word in text | encoded for form in (word.lower(), word.upper(), word)}
    return [packed, packed[::-1], *both]


def some_addresses() -> list[str]:
    source = random.Random(4)
    four = [str(IPv4Address(source.getrandbits(32))) for _ in range(150)]
    six = [str(IPv6Address(source.getrandbits(128))) for _ in range(150)]
    return [ADDRESS, "10.11.12.13", "2a02:cf40::1", *four, *six]


@pytest.mark.parametrize("extra", [{}, FACTS], ids=["plain", "all facts"])
def test_neither_message_nor_state_holds_any_form_of_the_address(
    make_raw: Callable[..., RawEvent], world: World, extra: dict[str, Any]
) -> None:
    for address in some_addresses():
        event = enrich(make_raw(address=address, **extra), POSITION, world)
        assert event.visitor_id
        leaving = [
            event.SerializeToString(),
            str(event).encode(),
            *values_of(world),
            *values_of(world).values(),
        ]
        for form in forms_of(ip_address(address)):
            assert not any(form in output for output in leaving), (address, form)
        values_of(world).clear()


def test_no_part_of_the_sealed_address_leaves(make_raw: Callable[..., RawEvent], world: World) -> None:
    raw = make_raw(**FACTS)
    output = enrich(raw, POSITION, world).SerializeToString()
    assert raw.client_address.process_id not in output
    assert raw.client_address.ciphertext not in output


# --- what goes wrong


def test_a_broken_rule_is_a_contract_error(make_raw: Callable[..., RawEvent], world: World) -> None:
    with pytest.raises(ContractError) as caught:
        enrich(make_raw(event_name=""), POSITION, world)
    assert caught.value.rule
    assert values_of(world) == {}


def test_a_missing_key_passes_and_the_event_can_be_tried_again(
    make_raw: Callable[..., RawEvent], world: World
) -> None:
    raw = make_raw(**FACTS)
    without_key = replace(world, addresses=AddressOpener({"other": bytes(32)}))
    with pytest.raises(UnknownKey, match="k1"):
        enrich(raw, POSITION, without_key)
    assert values_of(world) == {}
    assert enrich(raw, POSITION, world) == enrich(raw, POSITION, with_state(world, {}))


class Broken:
    """Stands for any lookup: whatever is asked of it raises."""

    rules = "broken 1"
    database = ""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def of(self, *_asked: object) -> Any:
        raise self._error

    get = visitors = of


@pytest.mark.parametrize(
    ("lookup", "step"),
    [("agents", "add_agent"), ("geo", "add_geo"), ("salts", "add_visitor"), ("sessions", "add_session")],
)
def test_a_step_that_fails_is_named_and_shows_no_data(
    make_raw: Callable[..., RawEvent], world: World, lookup: str, step: str
) -> None:
    cause = KeyError(f"{ADDRESS} signup_click")
    lookups: dict[str, Any] = {lookup: Broken(cause)}
    with pytest.raises(EnrichmentFailed) as caught:
        enrich(make_raw(), POSITION, replace(world, **lookups))
    assert str(caught.value) == f"{step} failed with KeyError"
    assert caught.value.step == step
    assert caught.value.cause is cause
    assert values_of(world) == {}


def test_an_error_of_a_backend_is_not_the_event_s_fault(
    make_raw: Callable[..., RawEvent], world: World
) -> None:
    away = UnavailableError("no salt yet")
    with pytest.raises(UnavailableError) as caught:
        enrich(make_raw(), POSITION, replace(world, salts=Broken(away)))
    assert caught.value is away


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
URLISH = st.text("htps:/?#@[].%&=\\ aZ0éutm_source\n\0", max_size=80)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    url=URLISH | ANY_TEXT, referrer=URLISH | ANY_TEXT, user_agent=ANY_TEXT, visitor_id=ANY_TEXT, language=ANY_TEXT,
    event_data=ANY_TEXT, source=ANY_TEXT, timestamp_ms=st.integers(1, LATEST_MS),
    received_at_ms=st.integers(1, LATEST_MS), identity_day=st.integers(-(2**31), 2**31 - 1),
)  # fmt: skip
def test_no_text_or_time_makes_a_step_fail(
    make_raw: Callable[..., RawEvent], world: World, source: str, **fields: Any
) -> None:
    event = enrich(make_raw(**fields, campaign=Campaign(source=source)), POSITION, world)
    assert EnrichedEvent.FromString(event.SerializeToString()) == event
    assert event.page.url == fields["url"]
    assert bool(event.session_id) == bool(event.visitor_id)


@pytest.mark.parametrize("field", ["user_agent", "url", "referrer", "visitor_id", "event_data", "language"])
@pytest.mark.parametrize("text", ["x" * 100_000, "\U0001f600" * 100_000, "https://[" + "a@:" * 30_000])
def test_nothing_is_too_long(make_raw: Callable[..., RawEvent], world: World, field: str, text: str) -> None:
    assert enrich(make_raw(**{field: text}), POSITION, world).event_id


def test_text_that_no_message_can_hold_never_arrives(make_raw: Callable[..., RawEvent]) -> None:
    with pytest.raises(ValueError, match=r"(?i)surrogates|utf-8"):
        make_raw(url="\ud800")


# --- the table of contents


def test_a_step_s_first_word_tells_its_power() -> None:
    names = [step.__name__ for step in STEPS]
    assert {name.partition("_")[0] for name in names} == {"add", "reject", "scrub"}
    assert len(names) == len(set(names))


def test_the_order_that_matters() -> None:
    place = {step.__name__: number for number, step in enumerate(STEPS)}
    assert place["reject_rule_breakers"] == 0
    assert place["add_page"] < min(place["add_referrer"], place["add_campaign"])
    assert place["reject_forged_address"] < min(place["add_geo"], place["add_visitor"])
    # A refused event leaves no trace in the state: what comes after the session cannot fail.
    assert [step.__name__ for step in STEPS][-4:] == [
        "add_visitor",
        "add_session",
        "add_campaign_of_session",
        "scrub_address",
    ]
    assert max(place["add_referrer"], place["add_campaign"]) < place["add_channel"] < place["add_session"]


def test_the_salt_is_that_of_the_day_of_acceptance(make_raw: Callable[..., RawEvent], world: World) -> None:
    asked: list[int] = []

    class Noting:
        def visitors(self, utc_day: int) -> VisitorIds:
            asked.append(utc_day)
            return VisitorIds(b"s" * 32)

    day = 86_400_000
    raw = make_raw(timestamp_ms=5 * day, received_at_ms=8 * day - 1, identity_day=3)
    enrich(raw, POSITION, replace(world, salts=Noting()))
    assert asked == [7, 6]  # and that of the day before, whose session may go on
