"""A request to the collector, as bytes."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from eventrail_client.events import Event

PATH: Final = "/api/collect"


def endpoint(url: str) -> str:
    """Where to send to, for the collector at `url`, such as https://events.example.com. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"the collector's url must be http(s)://host[:port][/path], but is {url!r}")
    return url.rstrip("/") + PATH


def headers(server_key: str | None) -> dict[str, str]:
    """The headers of each request. Raises ValueError for a key that cannot stand in one."""
    made = {"Content-Type": "application/json", "User-Agent": "eventrail-client-python"}
    if server_key is not None:
        if not server_key.isascii() or not server_key.isprintable() or not server_key.strip():
            raise ValueError("server_key must be printable ASCII")
        made["Authorization"] = f"Bearer {server_key.strip()}"
    return made


def body(events: Iterable[Event], sent_at_ms: int) -> bytes:
    """A request's body at a time by this machine's clock, in Unix milliseconds."""
    return b"[%b]" % b",".join(event.sent(sent_at_ms) for event in events)
