import base64
from collections import Counter
from hashlib import blake2b
from ipaddress import ip_address

import pytest

from collector.partitions import Partitioner, parse_secret
from eventrail.errors import ConfigurationError

ADDRESS = ip_address("192.0.2.1")


def test_one_client_always_has_one_key_and_each_part_of_it_matters() -> None:
    first, again = Partitioner(b"a" * 32), Partitioner(b"a" * 32)
    key = first.of_client("shop", ADDRESS, "agent")
    assert again.of_client("shop", ADDRESS, "agent") == key
    others = [
        first.of_client("shop2", ADDRESS, "agent"),
        first.of_client("shop", ip_address("192.0.2.2"), "agent"),
        first.of_client("shop", None, "agent"),
        first.of_client("shop", ADDRESS, "agent2"),
        first.of_visitor("shop", "agent"),
    ]
    assert len({key, *others}) == 6


def test_the_key_cannot_be_computed_without_the_secret() -> None:
    guesses = [Partitioner(bytes([n]) * 32).of_client("shop", ADDRESS, "agent") for n in range(50)]
    assert len(set(guesses)) == 50
    plain = blake2b(b"shop\0client\0" + ADDRESS.packed + b"\0agent", digest_size=8).digest()
    assert int.from_bytes(plain) not in guesses


def test_visitors_spread_over_the_partitions() -> None:
    spread = Counter(Partitioner(b"a" * 32).of_visitor("shop", str(n)) % 8 for n in range(8000))
    assert set(spread) == set(range(8))
    assert max(spread.values()) < 1.2 * min(spread.values())


def test_a_secret_is_32_bytes_in_base64() -> None:
    assert parse_secret(base64.b64encode(b"x" * 32).decode()) == b"x" * 32


@pytest.mark.parametrize("text", ["", "geheim!", base64.b64encode(b"short-but-secret").decode()])
def test_a_wrong_secret_is_named_but_never_shown(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_secret(text)
    assert "EVENTRAIL_SALT_SECRET" in str(caught.value)
    assert not text or text not in str(caught.value)
