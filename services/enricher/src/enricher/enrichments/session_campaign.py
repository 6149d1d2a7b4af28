"""What brought the session here also brought its later events: campaign and channel of a session.

The session's state remembers the campaign and the channel of the last event (in the order of arrival) that
had any of its own. That memory is an EnrichedEvent in which nothing else is set, so it can be read by any version.
"""

from functools import lru_cache
from typing import Final

from google.protobuf.message import DecodeError

from enricher.draft import Draft
from enricher.enrichments.channel import DIRECT, channel_of
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import EVENT_TYPE_CUSTOM, EnrichedEvent

MAX_BYTES: Final = 512
"""A memory that would be larger loses its campaign and keeps its channel."""


def remembered(event: EnrichedEvent, before: bytes) -> bytes:
    """What a session that remembered `before` remembers after `event`, which has only what is its own so far."""
    tagged = event.HasField("campaign")
    if not tagged and event.channel in ("", DIRECT):
        return before
    memory = EnrichedEvent(channel=event.channel)
    if tagged:
        memory.campaign.CopyFrom(event.campaign)
    elif before:
        earlier = _recalled(before)
        if earlier.HasField("campaign"):
            memory.campaign.CopyFrom(earlier.campaign)
    return _bounded(memory)


@lru_cache(maxsize=4096)
def _recalled(memory: bytes) -> EnrichedEvent:
    """What `memory` says, not to be changed by the caller."""
    try:
        return EnrichedEvent.FromString(memory)
    except DecodeError:
        # Not worth an event: once the session's state is written, no step may fail.
        return EnrichedEvent(channel=DIRECT)


def _bounded(memory: EnrichedEvent) -> bytes:
    if memory.ByteSize() > MAX_BYTES:
        memory.ClearField("campaign")
    return memory.SerializeToString(deterministic=True)


def add_campaign_of_session(draft: Draft, _world: World) -> None:
    """`campaign`, marked as inherited, for a custom event without one; `channel` where the event has none of its own.

    With an inherited campaign the channel is found anew, as if the event had brought it itself.
    """
    if not draft.session_campaign:
        return
    event, session = draft.event, _recalled(draft.session_campaign)
    if _inherits_campaign(event, session):
        event.campaign.CopyFrom(session.campaign)
        event.campaign.inherited = True
        event.channel = channel_of(event)
    elif event.channel == DIRECT and session.channel:
        event.channel = session.channel


def _inherits_campaign(event: EnrichedEvent, session: EnrichedEvent) -> bool:
    return (
        event.event_type == EVENT_TYPE_CUSTOM
        and not event.HasField("campaign")
        and session.HasField("campaign")
    )
