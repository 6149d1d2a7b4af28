"""The query API's own errors.

EventrailError
├── Invalid            the question is wrong; the caller must change it
├── TooLarge           the body has more bytes than are taken
├── TooCostly          the answer would take more than one question may
├── Gone               what a cursor pinned is no more as it was
├── TooEarly           the events of a token do not count yet; ask again later
├── Refused            who asks may not ask this, or not now
│   ├── Unauthorized   no key, or one that stands at no website
│   ├── NotFound       no website of this id for this key
│   ├── Forbidden      the key has not the scope that is needed
│   └── Limited        the key has more requests than its limits let through
├── ClientGone         nobody waits for the answer any more
└── UnavailableError (eventrail.errors)
    └── TooManyReaders   as many live streams are open as may be

How each becomes HTTP stands in problems.py.
"""

from enum import StrEnum

from eventrail.errors import EventrailError, UnavailableError
from eventrail.websites.model import Scope

_SHOWN_CHARACTERS = 60


class Invalid(EventrailError):
    """The question is wrong: `message` says what is right, `field` names the parameter."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class TooCostly(EventrailError):
    """Nothing was run: ClickHouse would read about `rows` rows, and one statement may read `most`.

    `cheaper` are things to ask for instead, in words.
    """

    def __init__(self, rows: int, most: int, cheaper: tuple[str, ...] = ("a shorter period",)) -> None:
        super().__init__(
            f"the answer would take about {rows:,} rows to read, at most {most:,} are read for one; ask for "
            + ", or for ".join(cheaper)
        )
        self.rows = rows
        self.most = most


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


class Refused(EventrailError):
    """Who asks may not ask this, or not now: `message` says why and what helps. Never raised itself."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unauthorized(Refused):
    """No valid key; `error` is the code of RFC 6750, section 3.1, None where no key was shown at all."""

    def __init__(self, message: str, error: str | None = None) -> None:
        super().__init__(message)
        self.error = error


class NotFound(Refused):
    """The key is of no website with this id; whether there is one is not told."""

    def __init__(self, website_id: str) -> None:
        super().__init__(
            f"no website {shown(website_id)} for this key; GET /api/websites lists those it may see"
        )


class Forbidden(Refused):
    """The key is valid here, but has not the scope `scope`."""

    def __init__(self, scope: Scope, where: str) -> None:
        super().__init__(f"the key has no scope {scope!r} at {where}; add it in websites.yaml")
        self.scope: Scope = scope


class Limited(Refused):
    """Too much for one key: `code` says of what, `retry_after` (whole seconds, at least 1) when it can go on."""

    def __init__(self, code: str, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after


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


class TooManyReaders(UnavailableError):
    """As many live streams are open as one process may serve."""


def shown(text: str) -> str:
    """`text` quoted for a message, on one line and not longer than a line."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return repr(cut)
