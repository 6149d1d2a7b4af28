from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.websites import keys
from eventrail.websites.model import ServerKey

HASHES = {name: keys.hash_of(f"evk_{name}") for name in "abc"}
KNOWN = [ServerKey(id=name, hash=text) for name, text in HASHES.items()]


def test_a_key_is_random_text_and_its_hash_that_of_the_text() -> None:
    key = keys.make(bytes(range(32)))
    assert key == "evk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert keys.hash_of(key) == f"sha256:{sha256(key.encode()).hexdigest()}"
    assert keys.is_hash(keys.hash_of(key))


def test_a_key_needs_all_its_randomness() -> None:
    with pytest.raises(ValueError, match="not 16"):
        keys.make(b"x" * 16)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_other_bytes_give_other_keys(one: bytes, other: bytes) -> None:
    assert (keys.make(one) == keys.make(other)) == (one == other)


@pytest.mark.parametrize("name", list("abc"))
def test_the_matching_key_is_found_wherever_it_stands(name: str) -> None:
    found = keys.matching(keys.digest(f"evk_{name}".encode()), KNOWN)
    assert found is not None
    assert found.id == name


@pytest.mark.parametrize("wrong", [b"", b"evk_", b"evk_A", b"evk_a ", HASHES["a"].encode()])
def test_nothing_else_matches(wrong: bytes) -> None:
    assert keys.matching(keys.digest(wrong), KNOWN) is None
    assert keys.matching(keys.digest(wrong), ()) is None


@pytest.mark.parametrize(
    "wrong", ["", "evk_a", "sha256:", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 64]
)
def test_what_is_no_hash(wrong: str) -> None:
    assert not keys.is_hash(wrong)


def test_neither_key_nor_hash_is_shown() -> None:
    assert HASHES["a"] not in repr(KNOWN[0])
