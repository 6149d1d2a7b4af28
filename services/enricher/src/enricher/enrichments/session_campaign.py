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
from eventrail.contract.v1.enriched_pb2 import EVENT_TYPE_CUSTOM, Campaign, EnrichedEvent

MAX_BYTES: Final = 512
"""A memory that would be larger loses its campaign and keeps its channel."""


def remembered(campaign: Campaign | None, channel: str, before: bytes) -> bytes:
    """What a session that remembered `before` remembers after an event with this campaign and channel of its own."""
    if campaign is None and channel in ("", DIRECT):
        return before
    memory = EnrichedEvent(channel=channel)
    if campaign is not None:
        memory.campaign.CopyFrom(campaign)
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
    campaign, channel = _inheritance(draft.session_campaign)
    if campaign is not None and draft.campaign is None and draft.raw.event_type == EVENT_TYPE_CUSTOM:
        draft.campaign = campaign
        draft.channel = channel_of(campaign, draft.referrer)
    elif channel and draft.channel == DIRECT:
        draft.channel = channel


@lru_cache(maxsize=4096)
def _inheritance(memory: bytes) -> tuple[Campaign | None, str]:
    """Campaign, not to be changed by the caller, and channel for an event that has none of its own."""
    session = _recalled(memory)
    if not session.HasField("campaign"):
        return None, session.channel
    campaign = Campaign(inherited=True)
    campaign.MergeFrom(session.campaign)
    return campaign, session.channel
