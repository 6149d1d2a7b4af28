"""The query API's own errors.

EventrailError
├── Invalid       the question is wrong; the caller must change it
├── TooLarge      the body has more bytes than are taken
├── TooCostly     the answer would take more than one question may
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


class TooCostly(EventrailError):
    """Nothing was run: ClickHouse would read about `rows` rows, and one statement may read `most`."""

    def __init__(self, rows: int, most: int) -> None:
        super().__init__(
            f"the answer would take about {rows:,} rows to read, at most {most:,} are read for one"
        )
        self.rows = rows
        self.most = most


class TooLarge(EventrailError):
    """The body has more bytes than are taken."""


class ClientGone(EventrailError):
    """Nobody is there to read the answer; 499 is only seen in metrics (nginx's code for it)."""


def shown(text: str) -> str:
    """`text` quoted for a message, on one line and not longer than a line."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return repr(cut)
