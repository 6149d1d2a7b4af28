from collections.abc import Callable

import pytest

from enricher.draft import Draft
from enricher.enrichments.agent import add_agent
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import Agent, EnrichedEvent, RawPosition
from eventrail.contract.v1.raw_pb2 import RawEvent


def enriched(raw: RawEvent, world: World) -> EnrichedEvent:
    draft = Draft(raw, RawPosition())
    add_agent(draft, world)
    return draft.event


def test_browser_system_and_device(make_raw: Callable[..., RawEvent], world: World) -> None:
    assert enriched(make_raw(), world).agent == Agent(
        browser="Firefox", browser_version="140.0", os="Linux", device_type="desktop"
    )


def test_the_lookup_keeps_its_own_copy(make_raw: Callable[..., RawEvent], world: World) -> None:
    enriched(make_raw(), world).agent.browser = "changed"
    assert enriched(make_raw(), world).agent.browser == "Firefox"


def test_no_user_agent_is_no_agent(make_raw: Callable[..., RawEvent], world: World) -> None:
    assert not enriched(make_raw(user_agent=""), world).HasField("agent")


@pytest.mark.parametrize("garbage", ["Other", "\0", "x" * 100_000, "(" * 100_000])
def test_a_string_that_says_nothing_is_an_agent_without_facts(
    make_raw: Callable[..., RawEvent], world: World, garbage: str
) -> None:
    event = enriched(make_raw(user_agent=garbage), world)
    assert event.HasField("agent")
    assert event.agent == Agent()
    assert EnrichedEvent.FromString(event.SerializeToString()).HasField("agent")
