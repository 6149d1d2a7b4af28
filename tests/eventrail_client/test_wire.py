import json

import pytest

from eventrail_client import wire
from eventrail_client.events import Event


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://localhost:8400", "http://localhost:8400/api/collect"),
        ("https://events.example.com/", "https://events.example.com/api/collect"),
        ("https://example.com/trail/", "https://example.com/trail/api/collect"),
        ("http://[::1]:8400", "http://[::1]:8400/api/collect"),
    ],
)
def test_where_to_send_to(url: str, endpoint: str) -> None:
    assert wire.endpoint(url) == endpoint


@pytest.mark.parametrize("url", ["", "localhost:8400", "ftp://x", "http://", "http://x/?a=1", "http://x/#a"])
def test_what_is_no_place_to_send_to(url: str) -> None:
    with pytest.raises(ValueError, match="the collector's url must be"):
        wire.endpoint(url)


def test_a_key_stands_in_a_header() -> None:
    assert wire.headers(" k-1\n"[:4])["Authorization"] == "Bearer k-1"
    assert "Authorization" not in wire.headers(None)


@pytest.mark.parametrize("key", ["", " ", "a\r\nx: y", "schlüssel"])
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(ValueError, match="server_key"):
        wire.headers(key)


def test_a_body_says_when_it_was_sent() -> None:
    body = wire.body([Event("1", "a", b'{"a":1'), Event("2", "b", b'{"a":2')], 5)
    assert json.loads(body) == [{"a": 1, "sent_at": 5}, {"a": 2, "sent_at": 5}]
