"""What a receipt's token asks for: query parameters become offsets and seconds, or an Invalid. Pure."""

import re
from typing import Final

from eventrail import tokens
from eventrail.errors import TokenError
from query_api.errors import Invalid, shown

DEFAULT_WAIT_SECONDS: Final = 10
LONGEST_WAIT_SECONDS: Final = 30

_WHOLE: Final = re.compile(r"[0-9]{1,4}")


def ask_token(text: str) -> dict[int, int]:
    """By raw partition, the last offset that must count. Raises Invalid (`token`) for text that is no token."""
    try:
        return tokens.decode(text)
    except TokenError as error:
        raise Invalid(str(error), "token") from None


def ask_wait(text: str | None) -> int:
    """Seconds that a question with a token may wait. Raises Invalid (`wait`)."""
    if text is None:
        return DEFAULT_WAIT_SECONDS
    if not _WHOLE.fullmatch(text) or int(text) > LONGEST_WAIT_SECONDS:
        raise Invalid(
            f"wait must be whole seconds from 0 to {LONGEST_WAIT_SECONDS}, not {shown(text)}", "wait"
        )
    return int(text)
