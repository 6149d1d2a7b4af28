from ipaddress import ip_address

import pytest

from collector.client_address import peer_address


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_a_peer_is_an_address(host: str, expected: str) -> None:
    assert peer_address(host) == ip_address(expected)


@pytest.mark.parametrize("host", [None, "", "testclient", "192.0.2.1:80", "192.0.2.256", "%eth0"])
def test_what_is_no_address_is_none(host: str | None) -> None:
    assert peer_address(host) is None
