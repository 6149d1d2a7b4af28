import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.payload.surrogates import compact, mended

UNITS = st.sampled_from([r"\ud83d", r"\uDE00", r"\\", r"\"", r"\n", "a", "ü", r"\u0041", "ud800", r"\uFFFD"])


def well_formed(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(st.lists(UNITS, max_size=12).map("".join))
def test_halves_become_what_a_browser_makes_of_them_and_nothing_else_changes(inner: str) -> None:
    text = f'"{inner}"'.encode()
    assert json.loads(mended(text)) == well_formed(json.loads(text))
    assert len(mended(text)) == len(text)
    assert json.loads(compact(text)) == well_formed(json.loads(text))


def test_text_without_halves_stays_as_it_is() -> None:
    text = rb'{"a":"\ud83d\ude00 \\ud83d 1.50"}'
    assert mended(text) == compact(text) == text


def test_an_emoji_cut_in_two_is_understood() -> None:
    assert compact(rb'{ "text" : "Buy now \ud83d" }') == rb'{"text":"Buy now \ufffd"}'


@pytest.mark.parametrize("text", [rb'"\ud8"', rb'"\ud800', rb'{"a":"\ud800"', rb"\ud800", b'"'])
def test_what_is_no_json_stays_none(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|truncated"):
        compact(text)
