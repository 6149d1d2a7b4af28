"""What the user agent string says about browser, system and device."""

from enricher.draft import Draft
from enricher.world import World


def add_agent(draft: Draft, world: World) -> None:
    """`agent`, with empty fields where the string says nothing; absent where the client sent no string."""
    user_agent = draft.raw.user_agent
    if user_agent:
        draft.event.agent.CopyFrom(world.agents.of(user_agent))
