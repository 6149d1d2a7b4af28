"""What a caller may ask: query parameters become questions, or an Invalid that says what is right.

Pure: today's date is an argument. Source: spec sections "Querying Events" and "Event Name Validation".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import parse_qsl

from eventrail.clock import MS_PER_DAY, utc_day
from eventrail.contract.names import EVENT_NAME_MAX_CHARACTERS, WEBSITE_ID_RULE, is_website_id, trim
from query_api.errors import Invalid, shown
from query_api.granularity import DAY, GRANULARITIES, Granularity

DEFAULT_DAYS = 30
FIRST_DAY = date(1970, 1, 1)
LAST_DAY = date(2149, 12, 31)

LIST_PARAMETERS = ("start_date", "end_date", "include_bots")
PROPERTIES_PARAMETERS = ("event_name", "start_date", "end_date", "include_bots")
TIMESERIES_PARAMETERS = ("event_name", "granularity", "start_date", "end_date", "include_bots")

_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_RULE = f"a day that exists, written YYYY-MM-DD, from {FIRST_DAY} to {LAST_DAY}"

Parameters = dict[str, str]

BotKinds = tuple[str, ...]
"""Kinds of bots, as the table spells them."""

CRAWLERS: BotKinds = ("crawler",)
ALL_BOTS: BotKinds = ("crawler", "headless", "library")
_YES_OR_NO = {"true": True, "false": False}


@dataclass(frozen=True)
class Period:
    """Days from `start` to `end`, both inclusive, in UTC."""

    start: date
    end: date

    @property
    def from_ms(self) -> int:
        """First moment, Unix milliseconds, inclusive."""
        return _unix_ms(self.start)

    @property
    def until_ms(self) -> int:
        """First moment after the last day, Unix milliseconds, exclusive."""
        return _unix_ms(self.end + timedelta(days=1))


def _unix_ms(day: date) -> int:
    return (day - FIRST_DAY).days * MS_PER_DAY


@dataclass(frozen=True)
class ListQuestion:
    """Which custom events a website had."""

    website_id: str
    period: Period
    left_out: BotKinds = CRAWLERS


@dataclass(frozen=True)
class PropertiesQuestion:
    """Which property keys and values an event carried."""

    website_id: str
    period: Period
    event_name: str
    left_out: BotKinds = CRAWLERS


@dataclass(frozen=True)
class TimeseriesQuestion:
    """How often an event happened, step by step."""

    website_id: str
    period: Period
    event_name: str
    granularity: Granularity
    left_out: BotKinds = CRAWLERS

    @property
    def buckets(self) -> range:
        """Numbers of all buckets that the period touches, in order."""
        return _buckets(self.granularity, self.period)


def utc_date(unix_ms: int) -> date:
    """UTC day of a Unix time in milliseconds."""
    return FIRST_DAY + timedelta(days=utc_day(unix_ms))


def ask_list(website_id: str, query: bytes, today: date, left_out: BotKinds = CRAWLERS) -> ListQuestion:
    """The question behind `GET .../events`; `query` is the raw query string. Raises Invalid.

    `left_out`, here and below, are the kinds of bots that the website counts only when it is asked to.
    """
    parameters = _start(website_id, query, LIST_PARAMETERS)
    return ListQuestion(website_id, _period(parameters, today), _left_out(parameters, left_out))


def ask_properties(
    website_id: str, query: bytes, today: date, left_out: BotKinds = CRAWLERS
) -> PropertiesQuestion:
    """The question behind `GET .../events/properties`. Raises Invalid."""
    parameters = _start(website_id, query, PROPERTIES_PARAMETERS)
    event_name = _event_name(parameters.get("event_name"))
    period = _period(parameters, today)
    return PropertiesQuestion(website_id, period, event_name, _left_out(parameters, left_out))


def ask_timeseries(
    website_id: str, query: bytes, today: date, max_points: int, left_out: BotKinds = CRAWLERS
) -> TimeseriesQuestion:
    """The question behind `GET .../events/timeseries`, at most `max_points` points. Raises Invalid."""
    parameters = _start(website_id, query, TIMESERIES_PARAMETERS)
    event_name = _event_name(parameters.get("event_name"))
    granularity = _granularity(parameters.get("granularity"))
    period = _period(parameters, today)
    _check_points(granularity, period, max_points)
    return TimeseriesQuestion(website_id, period, event_name, granularity, _left_out(parameters, left_out))


def _start(website_id: str, query: bytes, known: Sequence[str]) -> Parameters:
    if not is_website_id(website_id):
        raise Invalid(f"website_id must be {WEBSITE_ID_RULE}, not {shown(website_id)}", "website_id")
    return read_parameters(query, known)


def read_parameters(query: bytes, known: Sequence[str]) -> Parameters:
    """Parameters by name. Raises Invalid for bytes that are no text, and for unknown and repeated names."""
    pairs = _decoded(query)
    for name, _value in pairs:
        if name not in known:
            raise Invalid(f"unknown query parameter {shown(name)}; known here: {', '.join(known)}", name[:64])
    found = dict(pairs)
    for name in found:
        if sum(1 for other, _value in pairs if other == name) > 1:
            raise Invalid(f"{name} is given more than once, give it once", name)
    return found


def _decoded(query: bytes) -> list[tuple[str, str]]:
    try:
        text = query.decode()
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=100)
    except UnicodeDecodeError:
        raise Invalid("the query string is not UTF-8, percent-encoded (RFC 3986)") from None
    except ValueError:
        raise Invalid("the query string has more than 100 parameters") from None
    if _BAD_PERCENT.search(text):
        raise Invalid("the query string has a '%' without two hex digits after it; write '%25' for '%'")
    return pairs


def _event_name(given: str | None) -> str:
    # The three messages are the spec's, word for word.
    if given is None:
        raise Invalid("event_name query parameter is required", "event_name")
    name = trim(given)
    if not name:
        raise Invalid("event_name must not be empty", "event_name")
    if len(name) > EVENT_NAME_MAX_CHARACTERS:
        raise Invalid("event_name must be 255 characters or fewer", "event_name")
    return name


def _period(parameters: Parameters, today: date) -> Period:
    end = _date("end_date", parameters) or today
    start = _date("start_date", parameters) or max(FIRST_DAY, end - timedelta(days=DEFAULT_DAYS - 1))
    if start > end:
        default = "" if "end_date" in parameters else " (today, the default)"
        raise Invalid(
            f"start_date {start} is after end_date {end}{default}; both days are inclusive", "start_date"
        )
    return Period(start, end)


def _date(name: str, parameters: Parameters) -> date | None:
    given = parameters.get(name)
    if given is None:
        return None
    day = _existing_day(given)
    if day is None or not FIRST_DAY <= day <= LAST_DAY:
        raise Invalid(f"{name} must be {_DATE_RULE}, not {shown(given)}", name)
    return day


def _existing_day(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _granularity(given: str | None) -> Granularity:
    if given is None:
        return DAY
    if given not in GRANULARITIES:
        known = ", ".join(GRANULARITIES)
        raise Invalid(f"granularity must be one of {known}, not {shown(given)}", "granularity")
    return GRANULARITIES[given]


def _left_out(parameters: Parameters, left_out: BotKinds) -> BotKinds:
    given = parameters.get("include_bots", "false")
    if given not in _YES_OR_NO:
        raise Invalid(f"include_bots must be true or false, not {shown(given)}", "include_bots")
    return () if _YES_OR_NO[given] else left_out


def _buckets(granularity: Granularity, period: Period) -> range:
    return range(granularity.first(period.start), granularity.last(period.end) + 1)


def _check_points(granularity: Granularity, period: Period, max_points: int) -> None:
    points = len(_buckets(granularity, period))
    if points <= max_points:
        return
    fitting = [step.name for step in GRANULARITIES.values() if len(_buckets(step, period)) <= max_points]
    advice = f"use granularity {fitting[0]}" if fitting else "ask for fewer days"
    raise Invalid(
        f"granularity {granularity.name} gives {points} points from {period.start} to {period.end}, "
        f"at most {max_points} are answered; {advice}",
        "granularity",
    )
