"""Retention on the real engine agrees with plain Python, over days on which clocks change as well."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from clickhouse_driver import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.query_api.paths.happened import HAPPENINGS, Event, Fits, events, insert, left_out, moment, post

pytestmark = pytest.mark.stack

FIRST, LAST = date(2026, 3, 5), date(2026, 4, 12)
PERIOD = {"start_date": str(FIRST), "end_date": str(LAST)}


def step(at_ms: int, zone: ZoneInfo, question: dict[str, Any]) -> date:
    return first_day(moment(at_ms).astimezone(zone).date(), question)


def first_day(day: date, question: dict[str, Any]) -> date:
    match question["granularity"]:
        case "week":
            return day - timedelta(
                days=(day.weekday() - (6 if question["week_start"] == "sunday" else 0)) % 7
            )
        case "month":
            return day.replace(day=1)
        case _:
            return day


def cohorts(found: Sequence[Event], start: Fits, returns: Fits, question: dict[str, Any]) -> list[Any]:
    zone = ZoneInfo(question["timezone"])
    days = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
    steps = list(dict.fromkeys(first_day(day, question) for day in days))
    inside = [event for event in found if FIRST <= moment(event.at_ms).astimezone(zone).date() <= LAST]
    lists: list[list[set[str]]] = [
        [set() for _ in range(min(question["periods"] + 1, len(steps) - place))]
        for place in range(len(steps))
    ]
    sizes = [0] * len(steps)
    for visitor in {event.visitor for event in inside if event.source == "client"}:
        mine = [event for event in inside if event.visitor == visitor and event.source == "client"]
        starts = [event.at_ms for event in mine if start(event)]
        if not starts:
            continue
        cohort = steps.index(step(min(starts), zone, question))
        sizes[cohort] += 1
        for event in mine:
            later = steps.index(step(event.at_ms, zone, question)) - cohort
            if returns(event) and event.at_ms > min(starts) and later < len(lists[cohort]):
                lists[cohort][later].add(visitor)
    return [
        {"date": str(day), "visitors": size, "returned": [len(who) for who in returned]}
        for day, size, returned in zip(steps, sizes, lists, strict=True)
    ]


def anything(_event: Event) -> bool:
    return True


BEFORE_MS = int(datetime(2026, 3, 3, tzinfo=UTC).timestamp() * 1000)
stamps = st.one_of(
    st.integers(0, 44 * 24 * 2).map(lambda halves: BEFORE_MS + halves * 1_800_000),
    st.sampled_from([BEFORE_MS + 5 * 86_400_000, BEFORE_MS + 5 * 86_400_000 + 1]),
)


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    found=events(stamps, most=24),
    start=st.sampled_from(list(HAPPENINGS)),
    returns=st.one_of(st.none(), st.sampled_from(list(HAPPENINGS))),
    question=st.fixed_dictionaries(
        {
            "granularity": st.sampled_from(["day", "week", "month"]),
            "timezone": st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
            "week_start": st.sampled_from(["monday", "sunday"]),
            "periods": st.integers(1, 31),
        }
    ),
)
async def test_any_events_any_cohorts(
    found: list[Event],
    start: str,
    returns: str | None,
    question: dict[str, Any],
    api: httpx.AsyncClient,
    table: Client,
) -> None:
    said, fits = HAPPENINGS[start]
    back, comes_back = HAPPENINGS[returns] if returns else (None, anything)
    asked = {**PERIOD, **question, "start": said, **({"return": back} if back else {})}
    answer = await post(api, insert(table, found), "retention", asked)
    assert answer["data"] == {
        "cohorts": cohorts(found, fits, comes_back, question),
        "granularity": question["granularity"],
    }
    zone = ZoneInfo(question["timezone"])
    inside = [event for event in found if FIRST <= moment(event.at_ms).astimezone(zone).date() <= LAST]
    assert answer["meta"]["left_out"] == left_out(inside, fits)
