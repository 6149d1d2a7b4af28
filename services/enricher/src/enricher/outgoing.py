"""The enriched event as bytes, joined from fragments.

Fields are set one by one, never copied as whole messages: a field that only a newer collector knows must not slip
through onto the public topic.
"""

from functools import lru_cache
from typing import Any

from enricher.draft import Draft, Raw
from enricher.enrichments.url import UrlParts
from enricher.fragments import fragment
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType, Screen, VisitorSource


def written(draft: Draft) -> bytes:
    """The EnrichedEvent that `draft` has become: the same facts give the same bytes."""
    raw = draft.raw
    own = EnrichedEvent(
        website_id=raw.website_id,
        event_id=raw.event_id,
        timestamp_ms=raw.timestamp_ms,
        received_at_ms=raw.received_at_ms,
        event_data=raw.event_data,
        page=_page(raw.url, draft.page) if raw.url else None,
        visitor_id=draft.visitor_id,
        session_id=draft.session_id,
        session_started_at_ms=draft.session_started_at_ms,
        referrer=draft.referrer,
        campaign=draft.campaign,
        language=raw.language,
    )
    return b"".join(
        (
            own.SerializeToString(),
            _labels(raw.event_type, raw.event_name, raw.identity_day, draft.channel, draft.visitor_source),
            draft.geo,
            draft.agent,
            draft.bot,
            _screen_of(raw),
            draft.position,
            draft.enrichment,
        )
    )


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


def _page(url: str, parts: UrlParts | None) -> Any:
    # A constructor takes a mapping for a message, and need not copy it then.
    if parts is None:
        return {"url": url}
    return {"url": url, "host": parts.host, "path": parts.path, "query": parts.query}


def _screen_of(raw: Raw) -> bytes:
    sent = raw.message.screen
    width, height = sent.width, sent.height
    return _screen(width, height) if width or height or raw.message.HasField("screen") else b""


@lru_cache(maxsize=4096)
def _screen(width: int, height: int) -> bytes:
    return fragment(screen=Screen(width=width, height=height))
