"""The query API's own errors.

EventrailError
├── Invalid       the question is wrong; the caller must change it
├── TooLarge      the body has more bytes than are taken
├── Gone          what a cursor pinned is no more as it was
└── ClientGone    nobody waits for the answer any more

How each becomes HTTP stands in problems.py.
"""

from enum import StrEnum

from eventrail.errors import EventrailError

_SHOWN_CHARACTERS = 60


class Invalid(EventrailError):
    """The question is wrong: `message` says what is right, `field` names the parameter."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class TooLarge(EventrailError):
    """The body has more bytes than are taken."""


class Reason(StrEnum):
    """Why what a cursor pinned is no more as it was."""

    ERASED = "erased"
    EXPIRED = "expired"
    CHANGED = "changed"


class Gone(EventrailError):
    """What a cursor pinned is no more as it was, for `reason`; it will not come back."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ClientGone(EventrailError):
    """Nobody is there to read the answer; 499 is only seen in metrics (nginx's code for it)."""


def shown(text: str) -> str:
    """`text` quoted for a message, on one line and not longer than a line."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return repr(cut)
