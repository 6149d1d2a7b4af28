"""The query API's own errors.

EventrailError
├── Invalid       the question is wrong; the caller must change it
├── TooLarge      the body has more bytes than are taken
├── ClientGone    nobody waits for the answer any more
└── UnavailableError (eventrail.errors)
    └── TooManyReaders   as many live streams are open as may be

How each becomes HTTP stands in problems.py.
"""

from eventrail.errors import EventrailError, UnavailableError

_SHOWN_CHARACTERS = 60


class Invalid(EventrailError):
    """The question is wrong: `message` says what is right, `field` names the parameter."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class TooLarge(EventrailError):
    """The body has more bytes than are taken."""


class ClientGone(EventrailError):
    """Nobody is there to read the answer; 499 is only seen in metrics (nginx's code for it)."""


class TooManyReaders(UnavailableError):
    """As many live streams are open as one process may serve."""


def shown(text: str) -> str:
    """`text` quoted for a message, on one line and not longer than a line."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return repr(cut)
