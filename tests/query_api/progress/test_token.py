"""What a receipt's token asks for."""

import pytest

from eventrail import tokens
from query_api.errors import Invalid
from query_api.progress.token import ask_token, ask_wait


def test_a_token_becomes_offsets() -> None:
    assert ask_token(tokens.encode({0: 5, 7: 2**40})) == {0: 5, 7: 2**40}


@pytest.mark.parametrize(
    "text", ["", "nonsense", tokens.encode({0: 5})[:-1], tokens.encode({0: 5}) + "AA", "é"]
)
def test_what_is_no_token_names_the_parameter(text: str) -> None:
    with pytest.raises(Invalid) as told:
        ask_token(text)
    assert told.value.field == "token"
    assert told.value.message.startswith("the token")


@pytest.mark.parametrize(("text", "seconds"), [(None, 10), ("0", 0), ("30", 30)])
def test_seconds(text: str | None, seconds: int) -> None:
    assert ask_wait(text) == seconds


@pytest.mark.parametrize("text", ["31", "-1", "1.5", "", "ten", "99999"])
def test_wrong_seconds_name_the_parameter_and_what_is_right(text: str) -> None:
    with pytest.raises(Invalid, match="wait must be whole seconds from 0 to 30, not ") as told:
        ask_wait(text)
    assert told.value.field == "wait"
