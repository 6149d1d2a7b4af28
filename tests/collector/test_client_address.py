import string
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from collector.client_address import ClientAddresses, node_address, peer_address
from collector.trusted_proxies import parse_networks

XFF = "x-forwarded-for"
PROXY = "10.0.0.1"
TRUSTED = parse_networks("10.0.0.0/8, fd00::/8")


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


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:8080", "192.0.2.1"),
        ("192.0.2.1:_port", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:8080", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:c000:201]:80", "192.0.2.1"),
    ],
)
def test_an_entry_is_an_address(node: str, expected: str) -> None:
    assert node_address(node) == ip_address(expected)


GARBAGE = [
    "unknown",
    "_hidden",
    "shop.example",
    "192.0.2.1.2",
    "192.0.2.256",
    "192.0.2.01",
    "192.0.2.1%eth0",
    "192.0.2.1:port",
    "192.0.2.1:123456",
    "[192.0.2.1]",
    "[2001:db8::1",
    "2001:db8::1]",
    "[2001:db8::1]8080",
    "[[2001:db8::1]]",
    "192.0.2.1 192.0.2.2",
    "192.0.2.\u00b2",
    "' OR 1=1",
    "\x00",
    "3221225985",
    "192.0.2.0/24",
    "fe80::1%" + "x" * 1000,
]


@pytest.mark.parametrize("node", GARBAGE)
def test_an_entry_that_is_no_address_is_none(node: str) -> None:
    assert node_address(node) is None


def found(*lines: str, peer: str | None = PROXY, header: str = XFF, other: str = "") -> str | None:
    names = {XFF: "forwarded", "forwarded": XFF}
    headers = [(header.encode(), line.encode("latin-1", "replace")) for line in lines]
    if other:
        headers.insert(0, (names[header].encode(), other.encode()))
    address = ClientAddresses(TRUSTED, header).of(peer, headers)
    return None if address is None else str(address)


CASES = [
    ([], PROXY),
    ([""], PROXY),
    ([" , ,"], PROXY),
    (["198.51.100.1"], "198.51.100.1"),
    (["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
    (["203.0.113.9,198.51.100.1,10.2.2.2"], "198.51.100.1"),
    (["203.0.113.9", "198.51.100.1", "10.2.2.2"], "198.51.100.1"),
    (["203.0.113.9, 198.51.100.1", " 10.2.2.2 , fd00::5"], "198.51.100.1"),
    (["198.51.100.1, ,, 10.2.2.2,"], "198.51.100.1"),
    (["\t198.51.100.1\t"], "198.51.100.1"),
    (["198.51.100.1:4711, 10.2.2.2:80"], "198.51.100.1"),
    (["2001:db8::7, [fd00::1]:443"], "2001:db8::7"),
    (["198.51.100.1, ::ffff:10.2.2.2"], "198.51.100.1"),
    (["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
    (["198.51.100.1, garbage, 10.2.2.2"], None),
    (["198.51.100.1, unknown"], None),
    (["garbage, 198.51.100.1"], "198.51.100.1"),
    (["<script>, 198.51.100.1, 10.2.2.2"], "198.51.100.1"),
]


@pytest.mark.parametrize(("lines", "expected"), CASES)
def test_x_forwarded_for(lines: list[str], expected: str | None) -> None:
    assert found(*lines) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["for=198.51.100.1"], "198.51.100.1"),
        (['for="[2001:db8::1]:8080";proto=https'], "2001:db8::1"),
        (["For=203.0.113.9, for=198.51.100.1;by=10.0.0.1;host=shop.example"], "198.51.100.1"),
        (["for=198.51.100.1", 'for="10.2.2.2:80"'], "198.51.100.1"),
        (["for=198.51.100.1, proto=https"], None),
        (["for=198.51.100.1, for=unknown"], None),
        (['for=198.51.100.1, for="_gazonk"'], None),
        (['for="203.0.113.9, for=198.51.100.1'], "198.51.100.1"),
        (['for="203.0.113.9', "for=198.51.100.1"], "198.51.100.1"),
        (["198.51.100.1"], None),
    ],
)
def test_forwarded(lines: list[str], expected: str | None) -> None:
    assert found(*lines, header="forwarded") == expected


@pytest.mark.parametrize("peer", ["192.0.2.9", "2001:db8::9"])
def test_nobody_but_a_trusted_proxy_is_believed(peer: str) -> None:
    assert found("198.51.100.1", peer=peer) == peer
    assert ClientAddresses().of(PROXY, [(XFF.encode(), b"198.51.100.1")]) == ip_address(PROXY)


def test_only_the_chosen_header_is_read() -> None:
    assert found("198.51.100.1", other="for=203.0.113.9") == "198.51.100.1"
    assert found("for=198.51.100.1", header="forwarded", other="203.0.113.9") == "198.51.100.1"
    assert found(other="for=203.0.113.9") == PROXY


@pytest.mark.parametrize("peer", [None, "/run/socket"])
def test_a_peer_without_an_address_is_not_trusted(peer: str | None) -> None:
    assert found("198.51.100.1", peer=peer) is None


def test_a_mapped_peer_is_trusted_like_its_ipv4_address() -> None:
    assert found("198.51.100.1", peer="::ffff:10.0.0.1") == "198.51.100.1"


@pytest.mark.parametrize("header", [XFF, "forwarded"])
def test_at_most_32_entries_are_looked_at(header: str) -> None:
    prefix = "for=" if header == "forwarded" else ""

    def behind(hops: int) -> str | None:
        entries = ["198.51.100.1", *["10.0.0.2"] * hops]
        return found(", ".join(prefix + entry for entry in entries), header=header)

    assert behind(31) == "198.51.100.1"
    assert behind(32) is None
    assert behind(10_000) is None


@pytest.mark.parametrize(
    "value", ["1" * 32_000, "," * 32_000, '"' * 32_000, "\\" * 32_000 + '"', " " * 32_000 + "x"]
)
@pytest.mark.parametrize("header", [XFF, "forwarded"])
@pytest.mark.timeout(5)
def test_hostile_headers_are_read_in_no_time(value: str, header: str) -> None:
    for _ in range(20):
        assert found(value, header=header) is None


V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
V6 = st.integers(0, 2**128 - 1).map(IPv6Address)
CLIENTS = (
    st.one_of(V4, V6)
    .filter(lambda address: node_address(str(address)) == address)
    .filter(lambda address: not any(address in network for network in TRUSTED))
)
HOPS = st.one_of(
    st.integers(0, 2**24 - 1).map(lambda number: str(IPv4Address((10 << 24) + number))),
    st.integers(0, 2**120 - 1).map(lambda number: str(IPv6Address((0xFD << 120) + number))),
)
SPOOFED = st.one_of(
    st.text(st.characters(max_codepoint=255), max_size=40),
    st.text(string.digits + '.:[]",;= for', max_size=40),
    HOPS,
    CLIENTS.map(str),
)


def written(address: str, header: str, *, port: bool) -> str:
    """What a real proxy writes for `address`."""
    host = f"[{address}]" if ":" in address and (port or header == "forwarded") else address
    node = f"{host}:4711" if port else host
    if header == XFF:
        return node
    return f'for="{node}";proto=https' if ":" in node else f"for={node}"


@pytest.mark.parametrize("header", [XFF, "forwarded"])
@given(
    client=CLIENTS, spoofed=st.lists(SPOOFED, max_size=5), hops=st.lists(HOPS, max_size=5), port=st.booleans()
)
def test_what_a_client_sends_never_changes_who_it_is(
    header: str, client: IPv4Address | IPv6Address, spoofed: list[str], hops: list[str], port: bool
) -> None:
    proxies = [written(str(address), header, port=port) for address in (client, *hops)]
    assert found(", ".join([*spoofed, *proxies]), header=header) == str(client)
    assert found(*spoofed, *proxies, header=header) == str(client)


@pytest.mark.parametrize("header", [XFF, "forwarded"])
@given(left=st.lists(SPOOFED, max_size=5), hop=HOPS, port=st.booleans())
def test_one_more_trusted_hop_changes_nothing(header: str, left: list[str], hop: str, port: bool) -> None:
    assume(",".join(left).count(",") < 20)  # the bound of 32 entries has a test of its own
    # As of a hop that is believed, the peer itself is out of the game unless it is all there is.
    there = written("10.9.9.9", header, port=False)
    before = [*left, there]
    assert found(*before, written(hop, header, port=port), header=header) == found(*before, header=header)


@given(value=st.binary(max_size=300), header=st.sampled_from([XFF, "forwarded"]))
def test_no_bytes_are_too_strange(value: bytes, header: str) -> None:
    answer = ClientAddresses(TRUSTED, header).of(PROXY, [(header.encode(), value)])
    assert answer is None or isinstance(answer, IPv4Address | IPv6Address)


def test_what_is_remembered_is_what_is_read() -> None:
    addresses = ClientAddresses(TRUSTED)
    for _ in range(3):
        for client in ("198.51.100.1", "198.51.100.2"):
            assert addresses.of(PROXY, [(b"x-forwarded-for", client.encode())]) == ip_address(client)
            assert addresses.of("192.0.2.5", [(b"x-forwarded-for", client.encode())]) == ip_address(
                "192.0.2.5"
            )
