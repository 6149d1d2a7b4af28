"""What the event is and where it came from: copied from the raw event, field by field.

Field by field, not as whole messages: a field that only a newer collector knows must not slip through
onto the public topic.
"""

from enricher.draft import Draft
from enricher.world import World
from eventrail.contract.codec import check_raw


def reject_rule_breakers(draft: Draft, _world: World) -> None:
    """Raises ContractError where the raw event breaks a rule that enrichment relies on."""
    check_raw(draft.raw)


def add_origin(draft: Draft, _world: World) -> None:
    """Identity, kind, times, data, language, screen, and the place on the raw topic."""
    raw, event = draft.raw, draft.event
    event.website_id = raw.website_id
    event.event_id = raw.event_id
    event.event_type = raw.event_type
    event.event_name = raw.event_name
    event.timestamp_ms = raw.timestamp_ms
    event.received_at_ms = raw.received_at_ms
    event.identity_day = raw.identity_day
    event.event_data = raw.event_data
    event.language = raw.language
    event.raw_position.CopyFrom(draft.position)
    if raw.HasField("screen"):
        sent, screen = raw.screen, event.screen
        screen.width = sent.width
        screen.height = sent.height
