from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.errors import TokenError
from query_api.live.position import Mark, Position, decode, encode

offsets = st.dictionaries(st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1), max_size=8)


@given(offsets, st.data())
def test_an_id_tells_its_position(where: dict[int, int], data: Any) -> None:
    mark = None
    if where and data.draw(st.booleans()):
        mark = Mark(data.draw(st.sampled_from(sorted(where))), data.draw(st.integers(0, 2**60)))
    text = encode(Position(where, mark))
    assert text.isascii()
    assert text.isprintable()
    assert decode(text) == Position(where, mark)


@pytest.mark.parametrize("text", ["x", ".", "0", "AgAAAAA", "é", "\0", "x" * 70_000])
def test_other_text_is_none(text: str) -> None:
    with pytest.raises(TokenError):
        decode(text)


@pytest.mark.parametrize("tail", [".", ".0", ".1-5", ".0-", ".0-g", ".0-5-5", ".0-5."])
def test_a_damaged_mark(tail: str) -> None:
    with pytest.raises(TokenError):
        decode(encode(Position({0: 7})) + tail)
