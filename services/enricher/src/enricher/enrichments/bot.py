"""Whether a crawler, a headless browser or an HTTP library sent the event."""

from enricher.draft import Draft
from enricher.enrichments.agent import agent_facts
from enricher.world import World


def add_bot(draft: Draft, world: World) -> None:
    """`bot` with kind, name and reason; absent for what may be a person with a browser."""
    facts = agent_facts(draft, world)
    if facts is not None:
        draft.bot = facts.bot_written
