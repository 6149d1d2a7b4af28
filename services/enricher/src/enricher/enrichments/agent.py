"""What the user agent string and the client hints say about browser, system and device."""

from typing import Final

from enricher.draft import Draft
from enricher.lookups.agents import AgentFacts
from enricher.lookups.brands import MAC
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import Agent
from eventrail.contract.v1.raw_pb2 import RawEvent

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
    draft.event.agent.CopyFrom(facts.agent)
    if facts.agent.os == MAC and _is_ipad(facts.agent, draft.raw):
        draft.event.agent.MergeFrom(Agent(os="iOS", device_type="tablet"))
        draft.event.agent.os_version = ""  # what an iPad says there is the frozen version of a Mac


def agent_facts(draft: Draft, world: World) -> AgentFacts | None:
    """What the lookup says about the client, None where it sent neither string nor hints. Noted, so asked once."""
    if draft.client is None:
        raw, user_agent = draft.raw, draft.raw.user_agent
        hints = raw.client_hints if raw.HasField("client_hints") else None
        if user_agent or hints is not None:
            draft.client = world.agents.of(user_agent, hints)
    return draft.client


def _is_ipad(agent: Agent, raw: RawEvent) -> bool:
    # Safari on an iPad sends the string of Safari on a Mac, byte for byte.
    screen = raw.screen
    return agent.browser == "Safari" and (screen.width, screen.height) in _IPAD_SCREENS
