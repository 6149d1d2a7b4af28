from collections.abc import Callable

import pytest

from enricher.draft import Draft
from enricher.enrichments.origin import add_origin, reject_rule_breakers
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import EVENT_TYPE_PAGEVIEW, EnrichedEvent, RawPosition, Screen
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.errors import ContractError

# Field 2047 of length 4: what a newer collector might add to a message.
UNKNOWN_FIELD = b"\xfa\x7f\x04\x51\x02\x45\x8e"


def enriched(raw: RawEvent, world: World) -> EnrichedEvent:
    draft = Draft(raw, RawPosition(partition=3, offset=2**40, index=7))
    add_origin(draft, world)
    return draft.event


def test_what_was_sent_is_copied(make_raw: Callable[..., RawEvent], world: World) -> None:
    raw = make_raw(
        event_data='{"plan":"pro"}', language="en-GB", screen=Screen(width=1920, height=1080), identity_day=-1
    )
    event = enriched(raw, world)
    for name in (
        "website_id", "event_id", "event_type", "event_name", "timestamp_ms", "received_at_ms",
        "identity_day", "event_data", "language", "screen",
    ):  # fmt: skip
        assert getattr(event, name) == getattr(raw, name), name
    assert event.raw_position == RawPosition(partition=3, offset=2**40, index=7)


def test_a_page_view_has_no_name(make_raw: Callable[..., RawEvent], world: World) -> None:
    event = enriched(make_raw(event_type=EVENT_TYPE_PAGEVIEW, event_name=""), world)
    assert event.event_type == EVENT_TYPE_PAGEVIEW
    assert event.event_name == ""
    assert not event.HasField("screen")


def test_the_first_place_of_the_topic_is_a_place(make_raw: Callable[..., RawEvent], world: World) -> None:
    draft = Draft(make_raw(), RawPosition())
    add_origin(draft, world)
    assert draft.event.HasField("raw_position")


def test_fields_of_a_newer_collector_do_not_slip_through(
    make_raw: Callable[..., RawEvent], world: World
) -> None:
    screen = Screen.FromString(Screen(width=1, height=2).SerializeToString() + UNKNOWN_FIELD)
    raw = RawEvent.FromString(make_raw(screen=screen).SerializeToString() + UNKNOWN_FIELD)
    assert UNKNOWN_FIELD in raw.screen.SerializeToString()
    assert UNKNOWN_FIELD not in enriched(raw, world).SerializeToString()


@pytest.mark.parametrize(
    "broken",
    [{"website_id": ""}, {"event_id": ""}, {"event_id": "x"}, {"event_type": 0}, {"event_type": 9},
     {"timestamp_ms": 0}, {"timestamp_ms": -1}, {"received_at_ms": 0}, {"event_name": ""}],
)  # fmt: skip
def test_rule_breakers_are_rejected(
    make_raw: Callable[..., RawEvent], world: World, broken: dict[str, object]
) -> None:
    with pytest.raises(ContractError) as caught:
        reject_rule_breakers(Draft(make_raw(**broken), RawPosition()), world)
    assert caught.value.rule


def test_others_pass(make_raw: Callable[..., RawEvent], world: World) -> None:
    reject_rule_breakers(Draft(make_raw(), RawPosition()), world)
