from collections.abc import Callable

import pytest

from enricher.enrichments.agent import add_agent
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import Agent, EnrichedEvent, Screen
from eventrail.contract.v1.raw_pb2 import ClientHints, RawEvent
from tests.enricher.drafts import draft_of, event_of

MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
SAFARI = f"{MAC} Version/18.6 Safari/605.1.15"


def enriched(raw: RawEvent, world: World) -> EnrichedEvent:
    draft = draft_of(raw)
    add_agent(draft, world)
    return event_of(draft)


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


def test_hints_win_over_the_string(make_raw: Callable[..., RawEvent], world: World) -> None:
    hints = ClientHints(platform='"Windows"', platform_version='"15.0.0"')
    raw = make_raw(
        user_agent="Mozilla/5.0 (Windows NT 10.0) Chrome/142.0.0.0 Safari/537.36", client_hints=hints
    )
    assert enriched(raw, world).agent.os_version == "11"


def test_hints_alone_are_an_agent(make_raw: Callable[..., RawEvent], world: World) -> None:
    raw = make_raw(user_agent="", client_hints=ClientHints(mobile="?1"))
    assert enriched(raw, world).agent == Agent(device_type="mobile")


@pytest.mark.parametrize(
    ("user_agent", "width", "height", "expected"),
    [
        (SAFARI, 1024, 1366, ("iOS", "", "tablet")),
        (SAFARI, 744, 1133, ("iOS", "", "tablet")),
        (SAFARI, 1366, 1024, ("Mac OS X", "10.15.7", "desktop")),
        (SAFARI, 1512, 982, ("Mac OS X", "10.15.7", "desktop")),
        (f"{MAC} Chrome/142.0.0.0 Safari/537.36", 1024, 1366, ("Mac OS X", "10.15.7", "desktop")),
    ],
)
def test_an_ipad_that_speaks_as_a_mac_is_told_by_its_screen(
    make_raw: Callable[..., RawEvent],
    world: World,
    user_agent: str,
    width: int,
    height: int,
    expected: tuple[str, str, str],
) -> None:
    raw = make_raw(user_agent=user_agent, screen=Screen(width=width, height=height))
    agent = enriched(raw, world).agent
    assert (agent.os, agent.os_version, agent.device_type) == expected
    # What was written for this event is not kept for the next one.
    assert enriched(make_raw(user_agent=SAFARI), world).agent.device_type == "desktop"
