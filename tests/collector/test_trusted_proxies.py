from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from collector.settings import CollectorSettings
from collector.trusted_proxies import parse_networks
from eventrail.errors import ConfigurationError
from eventrail.settings import load


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("", []),
        (" , ", []),
        ("10.0.0.0/8", ["10.0.0.0/8"]),
        (" 10.0.0.0/8 ,192.0.2.1,fd00::/8,", ["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"]),
        ("2001:db8::1", ["2001:db8::1/128"]),
        ("10.0.0.0/255.0.0.0", ["10.0.0.0/8"]),
        ("::ffff:10.0.0.0/104", ["10.0.0.0/8"]),
        ("::ffff:10.0.0.1", ["10.0.0.1/32"]),
    ],
)
def test_networks(text: str, networks: list[str]) -> None:
    assert parse_networks(text) == tuple(ip_network(network) for network in networks)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("loopback", "'loopback' is no network"),
        ("10.0.0.0/33", "'10.0.0.0/33' is no network"),
        ("10.0.0.0/8;fd00::/8", "is no network"),
        ("10.1.0.0/8", "did you mean 10.0.0.0/8?"),
        ("0.0.0.0/0", "would believe whatever any client writes"),
        ("::/0", "would believe whatever any client writes"),
        ("::ffff:0:0/96", "would believe whatever any client writes"),
    ],
)
def test_wrong_networks_are_named(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"network|prefix") as caught:
        parse_networks(f"192.0.2.0/24, {text}")
    assert says in str(caught.value)


def test_all_wrong_entries_are_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"'a' is no network.*; 'b' is no network"):
        parse_networks("a,10.0.0.0/8,b")


def test_they_are_checked_when_settings_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTRAIL_COLLECTOR_TRUSTED_PROXIES", "10.0.0.0/8,proxy")
    with pytest.raises(
        ConfigurationError, match=r"EVENTRAIL_COLLECTOR_TRUSTED_PROXIES: .*'proxy' is no network"
    ):
        load(CollectorSettings)


def test_the_header_is_one_of_two() -> None:
    with pytest.raises(ValidationError, match="forwarded_header"):
        CollectorSettings(forwarded_header="x-real-ip")
