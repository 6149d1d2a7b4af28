"""The three endpoints of the spec agree with plain Python over the same random events, on the real engine.

An example is a website of its own with some hundred events, all their copies in several parts and months, and many
questions about it. `size` shrinks; what a failure shows besides is the question.
"""

import math
import random
import uuid
from dataclasses import replace
from datetime import date
from typing import Any, Final

import httpx
import pytest
from clickhouse_driver import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.query_api.oracle import answers
from tests.query_api.oracle.asking import Question, ask, of_days, random_question
from tests.query_api.oracle.events import HOSTILE, KEYS, NIGHTS, Event, History, insert, random_history
from tests.query_api.oracle.filters import OPERATORS, can_have, random_field, random_filter

pytestmark = pytest.mark.stack

QUESTIONS: Final = 12
"""Of each endpoint in each example."""

EXAMPLES = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
seeds = st.integers(0, 2**32)
sizes = st.sampled_from([250, 100, 20, 3, 0])


class Case:
    """One website on the engine and its events in Python."""

    def __init__(self, api: httpx.AsyncClient, table: Client, seed: int, size: int) -> None:
        self.api, self.dice = api, random.Random(seed)
        self.history: History = random_history(self.dice, size)
        self.website = uuid.uuid4().hex
        self._table = table

    def store(self) -> None:
        """All blocks, and the same events once more for another website."""
        for block in self.history.blocks:
            insert(self._table, self.website, block)
        insert(self._table, uuid.uuid4().hex, self.history.blocks[0])
        self.events: list[Event] = self.history.events

    async def ask(self, what: str, question: Question, **more: Any) -> dict[str, Any]:
        return await ask(self.api, f"/api/websites/{self.website}/events{what}", question, self.dice, **more)

    def meant(self, question: Question, name: str | None = None, *, previous: bool = False) -> list[Event]:
        span = question.span.previous() if previous else question.span
        return answers.meant(self.events, span, question.filters, question.left_out, name)

    def sometimes(self, **more: Any) -> dict[str, Any]:
        return {name: value for name, value in more.items() if self.dice.random() < 0.4}

    def includes(self) -> list[str]:
        return [name for name in ("visitors", "previous") if self.dice.random() < 0.5]


@EXAMPLES
@given(seed=seeds, size=sizes)
async def test_the_list(api: httpx.AsyncClient, table: Client, seed: int, size: int) -> None:
    case = Case(api, table, seed, size)
    case.store()
    for _ in range(QUESTIONS):
        question, include = random_question(case.dice), case.includes()
        more = case.sometimes(limit=2, offset=1, search=case.dice.choice(("s", "SIGN", " ", *HOSTILE)))
        expected = answers.listed(
            case.meant(question), case.meant(question, previous=True), include, more.get("search", "")
        )
        offset = more.get("offset", 0)
        shown = expected[offset:][: more.get("limit", 10_000)]
        found = await case.ask("", question, include=",".join(include), **more) if include else (
            await case.ask("", question, **more))  # fmt: skip
        assert found["data"] == shown, (question, more)
        meta = found["meta"]
        if shown or not offset:
            assert meta["event_names"] == len(expected)
            assert meta["events"] == sum(entry["count"] for entry in expected)
            assert meta["event_names_left_out"] == len(expected) - min(offset, len(expected)) - len(shown)
            assert meta["truncated"] == bool(meta["event_names_left_out"])


@EXAMPLES
@given(seed=seeds, size=sizes)
async def test_the_properties(api: httpx.AsyncClient, table: Client, seed: int, size: int) -> None:
    case = Case(api, table, seed, size)
    case.store()
    for _ in range(QUESTIONS):
        question, name = random_question(case.dice), case.dice.choice(case.history.names)
        more = case.sometimes(limit=3, values=2, search=case.dice.choice(("A", ".", *HOSTILE)))
        events = case.meant(question, name)
        expected = answers.properties(events, more.get("values", 100), more.get("search", ""))
        shown = expected[: more.get("limit", 100)]
        found = await case.ask("/properties", question, event_name=name, **more)
        assert_about_same(found["data"], shown)
        meta = found["meta"]
        assert meta["property_keys"] == len(expected)
        assert meta["property_keys_left_out"] == len(expected) - len(shown)
        assert set(meta["values_left_out"]) == {entry["property_key"] for entry in shown if entry["other"]}
        if expected:
            assert meta["events"] == len(events)
        for entry in found["data"]:
            counted = sum(value["count"] for value in entry["values"]) + entry["other"] + entry["not_set"]
            assert counted == meta["events"]


@EXAMPLES
@given(seed=seeds, size=sizes)
async def test_the_time_series(api: httpx.AsyncClient, table: Client, seed: int, size: int) -> None:
    case = Case(api, table, seed, size)
    case.store()
    for _ in range(QUESTIONS // 2):
        question, name = random_question(case.dice), case.dice.choice(case.history.names)
        granularity, include = _granularity(case.dice, question), case.includes()
        more = case.sometimes(week_start=case.dice.choice(("sunday", "monday")))
        if include:
            more["include"] = ",".join(include)
        if case.dice.random() < 0.5:
            more |= {"breakdown": random_field(case.dice), "limit": case.dice.choice((1, 3, 50))}
        found = await case.ask("/timeseries", question, event_name=name, granularity=granularity, **more)
        step = found["data"]["granularity"]
        assert granularity in (step, "auto")
        assert found["data"] == _expected(case, question, name, step, more), (question, more)


def _granularity(dice: random.Random, question: Question) -> str:
    length = question.span.after_ms - question.span.first_ms
    fine = [
        *(["minute"] if length < 100 * 3_600_000 / 3 else []),
        *(["hour"] if length < 60 * 86_400_000 else []),
    ]
    return dice.choice([*fine, "day", "week", "month", "auto"])


def _expected(case: Case, question: Question, name: str, step: str, more: dict[str, Any]) -> dict[str, Any]:
    week_start, events = more.get("week_start", "monday"), case.meant(question, name)
    include = more.get("include", "")

    def series(events: list[Event], *, previous: bool = False) -> list[dict[str, Any]]:
        span = question.span.previous() if previous else question.span
        return answers.series(events, span, step, week_start, with_visitors="visitors" in include)

    expected: dict[str, Any] = {"series": series(events), "granularity": step}
    if "previous" in include:
        expected["previous"] = series(case.meant(question, name, previous=True), previous=True)
    if "breakdown" in more:
        expected["breakdown"] = [
            {**told, "count": len(members), "series": series(members)}
            for told, members in answers.groups(events, more["breakdown"], more["limit"])
        ]
    return expected


def assert_about_same(found: Any, expected: Any) -> None:
    """Equal, but for the last digits of floats."""
    if isinstance(expected, float) and isinstance(found, int | float):
        assert math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9), (found, expected)
    elif isinstance(expected, dict):
        assert isinstance(found, dict)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_about_same(found[name], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected), (found, expected)
        for one, other in zip(found, expected, strict=True):
            assert_about_same(one, other)
    else:
        assert found == expected


@EXAMPLES
@given(seed=seeds, size=st.integers(1, 40))
async def test_after_each_block_only_the_copies_that_are_there_count(
    api: httpx.AsyncClient, table: Client, seed: int, size: int
) -> None:
    """Asked after each insert: what an earlier answer cached must not outlive the next copy."""
    case = Case(api, table, seed, size)
    question = random_question(case.dice)
    blocks, case.history.blocks = case.history.blocks, []
    for block in blocks:
        insert(table, case.website, block)
        case.history.blocks.append(block)
        case.events = case.history.events
        found = await case.ask("", question)
        assert found["data"] == answers.listed(case.meant(question), [], [], "")


@pytest.fixture(scope="module")
def large(api: httpx.AsyncClient, table: Client) -> Case:
    """A website with some hundred events, the same in each run."""
    case = Case(api, table, 1, 400)
    case.store()
    return case


@pytest.mark.parametrize(("zone", "night"), NIGHTS)
async def test_each_night_in_all_steps(large: Case, zone: str, night: date) -> None:
    """No step is left to chance where clocks change; one step alone and a longer last one are among them."""
    counted = 0
    for days, steps in (
        (1, ("minute", "hour", "day", "week", "month")),
        (30, ("hour", "day", "week", "month")),
    ):
        for step in steps:
            for week_start in ("monday", "sunday") if step == "week" else ("monday",):
                question, more = (
                    of_days(zone, night, days),
                    {"week_start": week_start, "include": "visitors,previous"},
                )
                name = large.history.names[0]
                found = await large.ask("/timeseries", question, event_name=name, granularity=step, **more)
                assert found["data"] == _expected(large, question, name, step, more)
                counted += sum(point["count"] for point in found["data"]["series"])
    assert counted > 30


FIELDS: Final = [
    "country",
    "screen",
    "bot",
    "session_id",
    "utm_campaign",
    "url",
    *(f"prop.{key}" for key in KEYS),
]
"""One of each way in which a dimension is kept, and all keys."""


@pytest.mark.parametrize("operator", OPERATORS)
async def test_each_operator_on_each_field(large: Case, operator: str) -> None:
    """No operator is left to chance; some of them keep events and leave others out."""
    whole = of_days("UTC", date(2026, 3, 31), 30)
    everything, split = len(large.meant(whole)), 0
    for field in (one for one in FIELDS if can_have(one, operator)):
        question = replace(whole, filters=[random_filter(large.dice, field, operator)])
        found = await large.ask("", question)
        assert found["data"] == answers.listed(large.meant(question), [], [], ""), question.filters
        split += 0 < found["meta"]["events"] < everything
    assert split > 2
