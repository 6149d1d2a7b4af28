"""One event as JSON, the same wherever single events are shown. Pure."""

import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from eventrail.contract.codec import rfc3339

Columns = Mapping[str, Any]
"""Values by the readers' names of the table's columns: times are whole Unix milliseconds, enums text, UUIDs UUID."""

_NAMES: Final = """
    website_id event_id event_type event_name timestamp received_at visitor_id visitor_source session_id
    session_started_at url host path query referrer_url referrer_domain utm_source utm_medium utm_campaign utm_term
    utm_content click_id campaign_inherited channel country region city browser browser_version os os_version
    device_type language screen_width screen_height bot_kind bot_name event_data
"""
COLUMNS: Final = tuple(_NAMES.split())
"""What `event_json` reads."""

_NIL: Final = UUID(int=0)


def event_json(row: Columns) -> dict[str, Any]:
    """The event of a row that has COLUMNS. What is not known is null, as is a group of which nothing is known.

    `timestamp` and `received_at` are RFC 3339 in UTC with milliseconds; `properties` is the object that was sent.
    """
    return {
        "website_id": row["website_id"],
        "event_id": str(row["event_id"]),
        "event_type": row["event_type"],
        "event_name": row["event_name"] or None,
        "timestamp": rfc3339(row["timestamp"]),
        "received_at": rfc3339(row["received_at"]),
        "visitor_id": row["visitor_id"] or None,
        "visitor_source": row["visitor_source"],
        "session_id": _session(row["session_id"]),
        "session_started_at": rfc3339(row["session_started_at"]) if row["session_started_at"] else None,
        "page": _group(row, url="url", host="host", path="path", query="query"),
        "referrer": _group(row, url="referrer_url", domain="referrer_domain"),
        "campaign": _campaign(row),
        "channel": row["channel"] or None,
        "geo": _group(row, country="country", region="region", city="city"),
        "device": _device(row),
        "bot": _bot(row),
        "properties": json.loads(row["event_data"]) if row["event_data"] else {},
    }


def _group(row: Columns, **members: str) -> dict[str, Any] | None:
    found = {name: row[column] or None for name, column in members.items()}
    return found if any(found.values()) else None


def _session(session_id: UUID) -> str | None:
    return None if session_id == _NIL else str(session_id)


def _campaign(row: Columns) -> dict[str, Any] | None:
    found = _group(
        row,
        source="utm_source",
        medium="utm_medium",
        campaign="utm_campaign",
        term="utm_term",
        content="utm_content",
        click_id="click_id",
    )
    return found and {**found, "inherited": bool(row["campaign_inherited"])}


def _device(row: Columns) -> dict[str, Any] | None:
    found = _group(
        row,
        type="device_type",
        browser="browser",
        browser_version="browser_version",
        os="os",
        os_version="os_version",
        language="language",
    )
    screen = {"width": row["screen_width"], "height": row["screen_height"]} if row["screen_width"] else None
    return {**(found or {}), "screen": screen} if found or screen else None


def _bot(row: Columns) -> dict[str, Any] | None:
    return None if row["bot_kind"] == "none" else {"kind": row["bot_kind"], "name": row["bot_name"] or None}
