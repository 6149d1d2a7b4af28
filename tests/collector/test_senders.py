"""Who sends, whatever was remembered of others."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import access, client_hints, senders

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


@given(st.dictionaries(NAMES, VALUES))
def test_what_is_remembered_is_what_is_read(headers: dict[bytes, bytes]) -> None:
    for _ in range(2):
        assert senders.known(HERE, headers) == senders.exact(HERE, headers.items())


def test_the_exact_way_reads_each_header() -> None:
    headers = [
        (b"user-agent", b"a"),
        (b"origin", b"x"),
        (b"origin", b"y"),
        (b"dnt", b"1"),
        (b"sec-ch-ua", b'"A"'),
    ]
    client = senders.exact(HERE, headers)
    assert (client.address, client.user_agent, client.shown) == (HERE, "a", access.shown(headers))
    assert client.hints == client_hints.read(headers)


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
    senders.known(HERE, {})
    before = senders._known_page.cache_info().currsize, senders._known_browser.cache_info().currsize
    senders.known(HERE, dict([header]))
    assert (
        senders._known_page.cache_info().currsize,
        senders._known_browser.cache_info().currsize,
    ) == before
