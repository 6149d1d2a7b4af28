"""The enriched event as bytes, joined from fragments.

Fields are set one by one, never copied as whole messages: a field that only a newer collector knows must not slip
through onto the public topic.
"""

from functools import lru_cache

from enricher.draft import Draft, Raw
from enricher.enrichments.url import UrlParts
from enricher.fragments import fragment
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType, Page, Screen, VisitorSource


def written(draft: Draft) -> bytes:
    """The EnrichedEvent that `draft` has become: the same facts give the same bytes."""
    raw = draft.raw
    return b"".join(
        (
            _own(draft),
            _labels(raw.event_type, raw.event_name, raw.identity_day, draft.channel, draft.visitor_source),
            draft.session,
            draft.geo,
            draft.agent,
            draft.bot,
            _client_of(raw),
            draft.position,
            draft.enrichment,
        )
    )


def _own(draft: Draft) -> bytes:
    """The fields that no other event has like this, and website and visitor where no session names them."""
    raw, event = draft.raw, EnrichedEvent()
    if not draft.session:
        event.website_id = raw.website_id
        event.visitor_id = draft.visitor_id
    event.event_id = raw.event_id
    event.timestamp_ms = raw.timestamp_ms
    event.received_at_ms = raw.received_at_ms
    event.event_data = raw.event_data
    if raw.url:
        _set_page(event.page, raw.url, draft.page)
    if draft.referrer is not None:
        event.referrer.CopyFrom(draft.referrer)
    if draft.campaign is not None:
        event.campaign.CopyFrom(draft.campaign)
    return event.SerializeToString()


def _set_page(page: Page, url: str, parts: UrlParts | None) -> None:
    page.url = url
    if parts is not None:
        page.host = parts.host
        page.path = parts.path
        if parts.query:
            page.query = parts.query


@lru_cache(maxsize=8192)
def _labels(
    event_type: EventType.ValueType,
    event_name: str,
    identity_day: int,
    channel: str,
    visitor_source: VisitorSource.ValueType,
) -> bytes:
    """The fields that have few values."""
    return fragment(
        event_type=event_type,
        event_name=event_name,
        identity_day=identity_day,
        channel=channel,
        visitor_source=visitor_source,
    )


def _client_of(raw: Raw) -> bytes:
    sent = raw.message.screen
    width, height = sent.width, sent.height
    is_known = bool(width or height) or raw.message.HasField("screen")
    return _client(raw.language, width, height) if is_known else fragment(language=raw.language)


@lru_cache(maxsize=8192)
def _client(language: str, width: int, height: int) -> bytes:
    """Language and screen."""
    return fragment(language=language, screen=Screen(width=width, height=height))
