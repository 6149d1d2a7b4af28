"""Whether the event is one at all."""

from enricher.draft import Draft
from enricher.world import World
from eventrail.contract.codec import check_raw


def reject_rule_breakers(draft: Draft, _world: World) -> None:
    """Raises ContractError where the raw event breaks a rule that enrichment relies on."""
    check_raw(draft.raw)
