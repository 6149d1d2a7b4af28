"""What the user agent string and the client hints say about browser, system and device."""

from typing import Final

from enricher.draft import Draft, Raw
from enricher.fragments import fragment
from enricher.lookups.agents import AgentFacts
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import Agent

_IPAD_SCREENS: Final = frozenset(
    {(744, 1133), (768, 1024), (810, 1080), (820, 1180), (834, 1112), (834, 1194), (834, 1210), (1024, 1366)}
    | {(1032, 1376)}
)
"""Width and height of all iPads in CSS pixels; they say so however they are held. No Mac has such a screen."""


def add_agent(draft: Draft, world: World) -> None:
    """`agent`, with empty fields where the client does not tell; absent where it sent neither string nor hints."""
    facts = agent_facts(draft, world)
    if facts is None:
        return
    draft.agent = facts.written
    if facts.is_safari_on_mac and _has_ipad_screen(draft.raw):
        draft.agent = _ipad(facts.agent)


def agent_facts(draft: Draft, world: World) -> AgentFacts | None:
    """What the lookup says about the client, None where it sent neither string nor hints. Noted, so asked once."""
    if draft.client is None:
        message, user_agent = draft.raw.message, draft.raw.user_agent
        hints = message.client_hints if message.HasField("client_hints") else None
        if user_agent or hints is not None:
            draft.client = world.agents.of(user_agent, hints)
    return draft.client


def _has_ipad_screen(raw: Raw) -> bool:
    # Safari on an iPad sends the string of Safari on a Mac, byte for byte.
    screen = raw.message.screen
    return (screen.width, screen.height) in _IPAD_SCREENS


def _ipad(agent: Agent) -> bytes:
    # The version of its system is the frozen one of a Mac.
    browser, version = agent.browser, agent.browser_version
    return fragment(agent=Agent(browser=browser, browser_version=version, os="iOS", device_type="tablet"))
