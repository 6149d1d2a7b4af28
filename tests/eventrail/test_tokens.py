import base64
import contextlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail import tokens
from eventrail.errors import TokenError

OFFSETS = st.dictionaries(st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1), max_size=60)
URL_SAFE = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def made_of(packed: bytes, version: bytes = b"\x01") -> str:
    crc = zlib.crc32(packed).to_bytes(4)
    return base64.urlsafe_b64encode(version + crc + packed).rstrip(b"=").decode()


@given(OFFSETS)
def test_a_token_gives_back_what_went_in_and_needs_no_escaping(offsets: dict[int, int]) -> None:
    token = tokens.encode(offsets)
    assert tokens.decode(token) == offsets
    assert set(token) <= URL_SAFE


@given(OFFSETS)
def test_the_order_of_the_partitions_does_not_matter(offsets: dict[int, int]) -> None:
    turned = dict(reversed(offsets.items()))
    assert tokens.encode(turned) == tokens.encode(offsets)


def test_the_form_stays_readable_for_older_and_newer_processes() -> None:
    assert tokens.encode({0: 0}) == "AUHZEv8AAA"
    assert tokens.encode({2: 300, 7: 1}) == made_of(bytes([2, 0xAC, 0x02, 5, 1]))


def test_it_is_short() -> None:
    assert len(tokens.encode({3: 1_000_000})) <= 13
    assert len(tokens.encode(dict.fromkeys(range(8), 1_000_000_000))) <= 72


@given(OFFSETS.filter(bool), st.data())
def test_a_damaged_token_is_found(offsets: dict[int, int], data: st.DataObject) -> None:
    token = tokens.encode(offsets)
    place = data.draw(st.integers(0, len(token) - 2))
    letter = data.draw(st.sampled_from(sorted(URL_SAFE - {token[place]})))
    with pytest.raises(TokenError):
        tokens.decode(token[:place] + letter + token[place + 1 :])


@given(st.text(max_size=40) | st.binary(max_size=40).map(made_of))
def test_any_text_is_a_token_or_a_clear_error(text: str) -> None:
    with contextlib.suppress(TokenError):
        assert all(number >= 0 for pair in tokens.decode(text).items() for number in pair)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "version"),
        ("A", "base64"),
        ("é", "base64"),
        ("AUHZEv8AA A", "base64"),
        ("x" * 65_537, "longer"),
        (made_of(b"\0\0", b"\x02"), "version"),
        (made_of(b"\0"), "incomplete"),
        (made_of(b"\0\x80"), "incomplete"),
        (made_of(b"\0\0\0\0"), "damaged"),
        (made_of(b"\0" + b"\xff" * 9 + b"\x01"), "damaged"),
    ],
)
def test_the_error_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(TokenError, match=said):
        tokens.decode(text)
