import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.contract.names import is_website_id, trim


@pytest.mark.parametrize("text", ["a", "cm5x9yz1a0001...", "demo-shop", "A_b.9", "x" * 64, "..."])
def test_ids_of_websites(text: str) -> None:
    assert is_website_id(text)


@pytest.mark.parametrize("text", ["", ".", "..", "x" * 65, "a/b", "a b", "a\n", "é", "a%2F"])
def test_what_is_no_website_id(text: str) -> None:
    assert not is_website_id(text)


def test_trim_follows_unicode_white_space_and_not_pythons_strip() -> None:
    # Python's str.strip() also takes the four separators U+001C to U+001F, which Rust's trim leaves.
    assert trim("\u2003 \x85name\u3000\n") == "name"
    assert trim("\x1cname\x1f") == "\x1cname\x1f"


@given(st.text())
def test_trim_is_done_once(text: str) -> None:
    assert trim(trim(text)) == trim(text)
