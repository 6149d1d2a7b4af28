"""Who sends, whatever was remembered of others."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import access, client_hints, limits, senders

HERE = ip_address("192.0.2.1")
NAMES = st.sampled_from(
    [
        b"user-agent",
        b"origin",
        b"authorization",
        b"dnt",
        b"sec-gpc",
        b"sec-ch-ua",
        b"sec-ch-ua-mobile",
        b"accept",
    ]
)
VALUES = st.sampled_from([b"", b"1", b"0", b"?0", b"https://a.example", b"Bearer k", b"\xff", b"x" * 1500])


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_what_is_remembered_is_what_is_read(headers: list[tuple[bytes, bytes]]) -> None:
    for _ in range(2):
        client = senders.client(HERE, headers)
        assert client.address == HERE
        assert client.user_agent == limits.user_agent(v for name, v in headers if name == b"user-agent")
        assert client.hints == client_hints.read(headers)
        assert client.shown == access.shown(headers)


@pytest.mark.parametrize(
    "header",
    [
        (b"authorization", b"Bearer evk_secret"),
        (b"dnt", b"1"),
        (b"origin", b"o" * 1025),
        (b"user-agent", b"u" * 1025),
    ],
)
def test_keys_and_what_is_long_are_not_remembered(header: tuple[bytes, bytes]) -> None:
    senders.client(HERE, [])
    before = senders._known_origin.cache_info().currsize, senders._known_browser.cache_info().currsize
    senders.client(HERE, [header])
    assert (
        senders._known_origin.cache_info().currsize,
        senders._known_browser.cache_info().currsize,
    ) == before
