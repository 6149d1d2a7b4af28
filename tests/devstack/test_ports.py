import random
import socket

import pytest

from devstack.errors import BadOption, PortsInUse
from devstack.ports import Address, Addresses, free_addresses, is_free, require_free


def test_the_default_addresses_are_the_documented_ones() -> None:
    assert {name: str(at) for name, at in Addresses.default().by_name().items()} == {
        "collector": "127.0.0.1:8400",
        "query-api": "127.0.0.1:8401",
        "enricher": "127.0.0.1:8402",
        "writer": "127.0.0.1:8403",
        "kafka": "127.0.0.1:19092",
        "kafka-controller": "127.0.0.1:19093",
        "clickhouse": "127.0.0.1:19000",
        "auditor": "127.0.0.1:8404",
    }


def test_a_base_moves_all_ports_in_a_row() -> None:
    moved = Addresses.from_base(21000)
    assert [at.port for at in moved.by_name().values()] == [*range(21000, 21008)]
    assert moved.kafka == Address("127.0.0.1", 21004)


@pytest.mark.parametrize("base", [1024, 32760])
def test_the_outermost_bases_fit(base: int) -> None:
    assert Addresses.from_base(base).auditor.port == base + 7


@pytest.mark.parametrize("base", [-1, 0, 1023, 32761, 65535, 100_000])
def test_other_bases_are_refused_with_the_range(base: int) -> None:
    with pytest.raises(BadOption, match=r"1024\.\.32760"):
        Addresses.from_base(base)


@pytest.mark.parametrize("text", ["", "localhost", ":80", "host:", "host:0", "host:65536", "h:8x", "h:²"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadOption, match="HOST:PORT"):
        Address.parse(text)


def test_an_address_is_read_and_written() -> None:
    assert str(Address.parse("127.0.0.1:19092")) == "127.0.0.1:19092"


def test_every_used_port_is_named_with_who_wants_it() -> None:
    addresses = free_addresses(random.Random())
    require_free(addresses)
    with socket.socket() as first, socket.socket() as second:
        for taken, at in ((first, addresses.writer), (second, addresses.kafka)):
            taken.bind((at.host, at.port))
            taken.listen()
        assert not is_free(addresses.kafka)
        with pytest.raises(PortsInUse) as caught:
            require_free(addresses)
    text = str(caught.value)
    assert f"{addresses.writer} is in use; writer wants to listen there" in text
    assert f"{addresses.kafka} is in use; kafka wants to listen there" in text
    assert "--port-base" in text
    assert str(addresses.collector) not in text


def test_found_addresses_are_below_the_ephemeral_range() -> None:
    ports = [at.port for at in free_addresses(random.Random()).by_name().values()]
    assert len(set(ports)) == 8
    assert min(ports) >= 20_000
    assert max(ports) < 32_768
