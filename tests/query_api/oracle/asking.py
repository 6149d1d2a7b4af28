"""Random questions for the oracle: a period in a zone, filters, bots; and both ways of asking them."""

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx

from tests.query_api.oracle.answers import Span
from tests.query_api.oracle.events import NIGHTS
from tests.query_api.oracle.filters import Filter, as_pairs, random_filters

CRAWLERS: Final = ("crawler",)


@dataclass(frozen=True)
class Question:
    """`said` is what it says beside filters, all of it in JSON form."""

    span: Span
    filters: list[Filter]
    left_out: tuple[str, ...]
    said: dict[str, Any]


def random_question(dice: random.Random) -> Question:
    """About events of one of the nights of oracle/events.py, or about weeks."""
    span, said = _days(dice) if dice.random() < 0.7 else _instants(dice)
    bots = dice.random() < 0.3
    if bots or dice.random() < 0.2:
        said["include_bots"] = bots
    return Question(span, random_filters(dice), () if bots else CRAWLERS, said)


def _midnight(day: date, zone: ZoneInfo) -> int:
    """The first moment of a day: the first minute whose date it is, looked for from the evening before."""
    at = int(
        (datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("UTC")) - timedelta(hours=15)).timestamp()
    )
    while datetime.fromtimestamp(at, zone).date() < day:
        at += 1800
    return at * 1000


def _days(dice: random.Random) -> tuple[Span, dict[str, Any]]:
    zone_name, night = dice.choice(NIGHTS)
    days = dice.choice((1, 1, 2, 3, 7, 30))
    question = of_days(zone_name, night + timedelta(days=dice.randrange(days + 1)), days)
    return question.span, question.said


def of_days(zone_name: str, last: date, days: int) -> Question:
    """About so many days of a zone up to `last`, without filters."""
    zone, first = ZoneInfo(zone_name), last - timedelta(days=days - 1)
    begin, after, before = (_midnight(first + timedelta(days=shift), zone) for shift in (0, days, -days))
    said = {"start_date": str(first), "end_date": str(last), "timezone": zone_name}
    return Question(Span(begin, after, before, zone), [], CRAWLERS, said)


def _instants(dice: random.Random) -> tuple[Span, dict[str, Any]]:
    zone_name, night = dice.choice(NIGHTS)
    zone = ZoneInfo(zone_name)
    first = _midnight(night, zone) + dice.choice((0, -1, 1, 1_800_000, dice.randrange(90_000_000)))
    after = first + dice.choice((1, 7_200_000, 90_000_000, dice.randrange(1, 1_000_000_000)))
    said = {"start_date": _instant(first), "end_date": _instant(after), "timezone": zone_name}
    return Span(first, after, 2 * first - after, zone), said


def _instant(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms // 1000, ZoneInfo("UTC")).replace(tzinfo=None)
    return f"{moment.isoformat()}.{at_ms % 1000:03}Z"


async def ask(
    api: httpx.AsyncClient, path: str, question: Question, dice: random.Random, **more: Any
) -> dict[str, Any]:
    """The answer, asked by query string or by body, as the dice fall and the filters allow."""
    said, pairs = {**question.said, **more}, as_pairs(question.filters)
    if pairs is None or dice.random() < 0.5:
        answer = await api.post(path, json={**said, "filters": question.filters})
    else:
        texts = [
            (name, str(value).lower() if isinstance(value, bool) else str(value))
            for name, value in said.items()
        ]
        answer = await api.get(path, params=[*texts, *pairs])
    assert answer.status_code == 200, (answer.text, said, question.filters)
    found: dict[str, Any] = answer.json()
    return found
