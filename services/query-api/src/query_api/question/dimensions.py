"""The facts of an event that it can be filtered and grouped by, under the names that callers use."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Dimension:
    """One fact: the caller's name for it, the text of it in SQL (empty: not set), and the columns behind that."""

    name: str
    sql: str
    columns: tuple[str, ...]
    meaning: str


def _plain(name: str, meaning: str, column: str = "") -> Dimension:
    return Dimension(name, column or name, (column or name,), meaning)


_ALL: Final = (
    _plain("event_name", "name of the custom event; not set for page views"),
    Dimension("event_type", "toString(event_type)", ("event_type",), "custom or pageview"),
    _plain("country", "ISO 3166-1 alpha-2 code, such as DE"),
    _plain("region", "first subdivision, English name"),
    _plain("city", "English name"),
    _plain("browser", "family, such as Chrome"),
    _plain("browser_version", "dotted numbers"),
    _plain("os", "family, such as Android"),
    _plain("os_version", "dotted numbers"),
    _plain("device", "desktop, mobile, tablet, tv, console or bot", "device_type"),
    _plain("language", "BCP 47 tag as the client sent it, such as en-GB"),
    Dimension(
        "screen",
        "if(screen_width = 0, '', concat(toString(screen_width), 'x', toString(screen_height)))",
        ("screen_width", "screen_height"),
        "size in CSS pixels, such as 1920x1080",
    ),
    _plain("url", "the page's url as sent"),
    _plain("host", "host of the page"),
    _plain("path", "path of the page, begins with /"),
    _plain("referrer", "domain of the page that led here", "referrer_domain"),
    _plain("referrer_url", "full url of the page that led here"),
    _plain("channel", "marketing channel, such as Organic Search (docs/channels.md)"),
    _plain("utm_source", "campaign source"),
    _plain("utm_medium", "campaign medium"),
    _plain("utm_campaign", "campaign name"),
    _plain("utm_term", "campaign term"),
    _plain("utm_content", "campaign content"),
    _plain("click_id", "name of the click id parameter, such as gclid"),
    Dimension(
        "bot",
        "if(bot_kind = 'none', '', toString(bot_kind))",
        ("bot_kind",),
        "crawler, headless or library; not set for people",
    ),
    _plain("bot_name", "such as Googlebot"),
    _plain("visitor_id", "the client's own id, else a hash that changes each day"),
    Dimension(
        "session_id",
        "if(session_id = toUUID('00000000-0000-0000-0000-000000000000'), '', toString(session_id))",
        ("session_id",),
        "the visit, a UUID in lower case",
    ),
)

DIMENSIONS: Final[Mapping[str, Dimension]] = MappingProxyType({one.name: one for one in _ALL})
"""By name, in the order of the documentation."""
