import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail_client.errors import InvalidEvent
from eventrail_client.texts import text


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("plain", "plain"),
        ("café ☃ 😀", "café ☃ 😀"),
        ("\ud83d\ude00", "😀"),
        ("a\ud83d", "a\ufffd"),
        ("\ude00\ud83db", "\ufffd\ufffdb"),
    ],
)
def test_halves_of_a_pair_are_replaced_and_pairs_are_joined(given: str, kept: str) -> None:
    assert text(given, "url") == kept


@given(st.text())
def test_what_is_whole_stays(whole: str) -> None:
    if "\0" not in whole:
        assert text(whole, "url") == whole


def test_a_nul_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="url: holds the NUL character") as caught:
        text("a\0b", "url")
    assert (caught.value.field, caught.value.code) == ("url", "validation_error")
