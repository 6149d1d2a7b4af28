"""What may be asked about the pipeline itself: query parameters become a question, or an Invalid. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from query_api.errors import Invalid, shown
from query_api.question.given import Given, from_query
from query_api.question.period import instant

LEDGER_PARAMETERS = ("start", "end")
REJECTED_PARAMETERS = LEDGER_PARAMETERS
RATES_PARAMETERS = LEDGER_PARAMETERS
REJECTED_MAX_MINUTES = 15 * 24 * 60
"""The table keeps 14 days."""

DEFAULT_SECONDS = 3600

_RULE = "an instant such as 2026-02-01T10:00:00Z (RFC 3339, years 1970 to 2105; '+' is %2B in a URL)"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2106, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class LedgerQuestion:
    """Minutes, in Unix seconds: from `first`, which begins a minute, to before `end`, which begins one too."""

    first: int
    end: int


def ask_ledger(query: bytes, now_ms: int, max_minutes: int) -> LedgerQuestion:
    """The question behind `GET /api/pipeline/ledger`; `query` is the raw query string. Raises Invalid.

    It is about every minute of which a part lies from `start` to before `end`.
    """
    return _ask_minutes(_given(query, LEDGER_PARAMETERS), now_ms, max_minutes)


def ask_rejected(query: bytes, now_ms: int) -> LedgerQuestion:
    """The question behind `GET /api/pipeline/rejected`: minutes of rejection. Raises Invalid."""
    return _ask_minutes(_given(query, REJECTED_PARAMETERS), now_ms, REJECTED_MAX_MINUTES)


def ask_rates(query: bytes, now_ms: int, max_minutes: int) -> LedgerQuestion:
    """The question behind `GET /api/pipeline/rates`: minutes of acceptance. Raises Invalid."""
    return _ask_minutes(_given(query, RATES_PARAMETERS), now_ms, max_minutes)


def _given(query: bytes, names: Sequence[str]) -> Given:
    return from_query(query, names, filters=False)


def _ask_minutes(parameters: Given, now_ms: int, max_minutes: int) -> LedgerQuestion:
    end = _instant("end", parameters.one("end"))
    end = _up(now_ms, 1000) if end is None else end
    start = _instant("start", parameters.one("start"))
    start = max(0, end - DEFAULT_SECONDS) if start is None else start
    if start >= end:
        raise Invalid("start must lie before end (by default now)", "start")
    first, last = start // 60 * 60, _up(end, 60) * 60
    if (last - first) // 60 > max_minutes:
        raise Invalid(
            f"start and end are {(last - first) // 60} minutes apart, at most {max_minutes} are answered",
            "start",
        )
    return LedgerQuestion(first, last)


def ask_lag(query: bytes) -> None:
    """The question behind `GET /api/pipeline/lag`, which takes no parameter. Raises Invalid."""
    if query:
        raise Invalid("this endpoint takes no query parameter")


def _up(number: int, step: int) -> int:
    return -(-number // step)


def _instant(name: str, given: str | None) -> int | None:
    """Unix seconds; a fraction is cut off at the start and would only matter within its minute."""
    if given is None:
        return None
    at = instant(given)
    if at is None or not _EPOCH <= at < _LATEST:
        raise Invalid(f"{name} must be {_RULE}, not {shown(given)}", name)
    seconds, fraction = divmod(at - _EPOCH, timedelta(seconds=1))
    return seconds + (name == "end" and bool(fraction))
