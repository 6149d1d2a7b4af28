"""The query API's own errors.

EventrailError
├── Invalid       the question is wrong; the caller must change it
├── TooEarly      the events of a token do not count yet; ask again later
└── ClientGone    nobody waits for the answer any more

How each becomes HTTP stands in problems.py.
"""

from eventrail.errors import EventrailError

_SHOWN_CHARACTERS = 60


class Invalid(EventrailError):
    """The question is wrong: `message` says what is right, `field` names the parameter."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class TooEarly(EventrailError):
    """The events of a receipt's token do not count in the answers yet."""

    def __init__(
        self, waited_seconds: float, held_by: tuple[str, ...] = (), retry_after_seconds: int = 1
    ) -> None:
        why = f" ({'; '.join(held_by)})" if held_by else ""
        super().__init__(
            f"the events of this token do not count yet, after waiting for {waited_seconds:g} s{why}; "
            f"ask again in {retry_after_seconds} s, or without token"
        )
        self.retry_after_seconds = retry_after_seconds


class ClientGone(EventrailError):
    """Nobody is there to read the answer; 499 is only seen in metrics (nginx's code for it)."""


def shown(text: str) -> str:
    """`text` quoted for a message, on one line and not longer than a line."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return repr(cut)
