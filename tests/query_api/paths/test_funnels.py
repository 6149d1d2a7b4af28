"""Funnels on the real engine agree with plain Python that tries every chain of events."""

from collections import Counter
from collections.abc import Sequence
from statistics import mean
from typing import Any

import httpx
import pytest
from clickhouse_driver import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.query_api.paths.happened import (
    BASE_MS,
    HAPPENINGS,
    Event,
    Fits,
    events,
    insert,
    left_out,
    post,
    share,
)

pytestmark = pytest.mark.stack

Chain = tuple[int, ...]
"""Places of events in the order of their visitor."""


class Funnel:
    """All chains of everyone, the slow and obvious way."""

    def __init__(self, found: Sequence[Event], steps: Sequence[Fits], question: dict[str, Any]) -> None:
        self.steps = steps
        self.window_ms = question.get("window_seconds", 86_400) * 1000
        self.strict = question.get("order") == "strict"
        self.field = question.get("breakdown")
        by_session = question.get("by") == "session"
        clients_only = not by_session and self.window_ms > 86_400_000
        self.everyone: dict[Any, list[Event]] = {}
        for event in found:
            whose: Any = event.session if by_session else event.visitor
            nobody = not (event.session.int if by_session else event.visitor)
            if not nobody and self.mask(event) and not (clients_only and event.source != "client"):
                self.everyone.setdefault(whose, []).append(event)
        for mine in self.everyone.values():
            mine.sort(key=self.place)
        self.best = [chain for mine in self.everyone.values() if (chain := self.chain(mine))]

    def mask(self, event: Event) -> int:
        return sum(2**number for number, fits in enumerate(self.steps) if fits(event))

    def value(self, event: Event) -> tuple[str, str]:
        text = {None: "", "country": event.country, "prop.plan": event.plan}[self.field]
        return ("", "") if text is None or (text == "" and self.field != "prop.plan") else (text, "string")

    def place(self, event: Event) -> Any:
        mask = self.mask(event)
        lowest = next(number for number, fits in enumerate(self.steps) if fits(event))
        return event.at_ms, lowest, mask, self.value(event) if mask & 1 else ("", "")

    def chains(self, mine: Sequence[Event], chain: Chain) -> list[Chain]:
        """`chain` and all that begin with it."""
        found = [chain]
        if len(chain) < len(self.steps):
            last = chain[-1]
            for place in [last + 1] if self.strict else range(last + 1, len(mine)):
                if (
                    place < len(mine)
                    and self.steps[len(chain)](mine[place])
                    and mine[place].at_ms - mine[chain[0]].at_ms <= self.window_ms
                ):
                    found += self.chains(mine, (*chain, place))
        return found

    def chain(self, mine: Sequence[Event]) -> list[Event]:
        """The longest, of these the one that ends first, of these the latest from its end back."""
        starts = [place for place, event in enumerate(mine) if self.steps[0](event)]
        every = [chain for start in starts for chain in self.chains(mine, (start,))]
        longest = [chain for chain in every if len(chain) == max(map(len, every))]
        first = [chain for chain in longest if chain[-1] == min(chain[-1] for chain in longest)]
        return [mine[place] for place in max(first, key=lambda chain: chain[::-1], default=())]

    def answer(self, limit: int = 10) -> dict[str, Any]:
        data = self.told(self.best)
        if self.field is None:
            return data
        values = Counter(self.value(chain[0]) for chain in self.best)
        order = sorted(values, key=lambda value: (-values[value], value[0].encode(), value[1]))
        groups = []
        for text, type_ in order[:limit]:
            chains = [chain for chain in self.best if self.value(chain[0]) == (text, type_)]
            groups.append({"value": text if type_ else None, "type": type_ or None, **self.told(chains)})
        rest = [chain for chain in self.best if self.value(chain[0]) in order[limit:]]
        if rest:
            groups.append({"value": None, "type": "other", **self.told(rest)})
        return {**data, "breakdown": groups}

    def told(self, chains: Sequence[Sequence[Event]]) -> dict[str, Any]:
        reached = [sum(len(chain) > place for chain in chains) for place in range(len(self.steps))]
        return {
            "totals": {
                "entered": reached[0],
                "converted": reached[-1],
                "conversion": share(reached[-1], reached[0]),
            },
            "steps": [
                {
                    "step": place + 1,
                    "count": count,
                    "conversion": share(count, reached[0]),
                    "conversion_from_previous": share(count, reached[place - 1]) if place else None,
                    "dropped": reached[place - 1] - count if place else 0,
                    "seconds": seconds(
                        [
                            (chain[place].at_ms - chain[place - 1].at_ms) / 1000
                            for chain in chains
                            if place and len(chain) > place
                        ]
                    ),
                }
                for place, count in enumerate(reached)
            ],
        }


def seconds(lasted: list[float]) -> Any:
    if not lasted:
        return None
    lasted.sort()
    told = {"median": percentile(lasted, 0.5), "p90": percentile(lasted, 0.9), "average": mean(lasted)}
    return pytest.approx(told, abs=0.0011)


def percentile(lasted: list[float], level: float) -> float:
    below = int(level * (len(lasted) - 1))
    above = min(below + 1, len(lasted) - 1)
    return lasted[below] + (lasted[above] - lasted[below]) * (level * (len(lasted) - 1) - below)


def without_names(data: dict[str, Any]) -> dict[str, Any]:
    """`data` without what stands in the question."""
    for funnel in [data, *data.get("breakdown", [])]:
        for step in funnel["steps"]:
            del step["type"], step["name"]
    return data


stamps = st.sampled_from([0, 0, 1, 2, 999, 1000, 1001, 2000, 2500, 3000, 5000]).map(BASE_MS.__add__)
across_days = st.integers(0, 60).map(lambda hours: BASE_MS + hours * 3_600_000)
questions = st.fixed_dictionaries(
    {},
    optional={
        "window_seconds": st.sampled_from([1, 2, 3, 3600, 86_400]),
        "by": st.sampled_from(["visitor", "session"]),
        "order": st.sampled_from(["ordered", "strict"]),
        "breakdown": st.sampled_from(["country", "prop.plan"]),
    },
)
named_steps = st.lists(st.sampled_from(list(HAPPENINGS)), min_size=2, max_size=4)
looking = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


async def compare(
    api: httpx.AsyncClient, table: Client, found: list[Event], names: list[str], question: dict[str, Any]
) -> None:
    steps = [HAPPENINGS[name][0] for name in names]
    answer = await post(api, insert(table, found), "funnels", {"steps": steps, **question})
    oracle = Funnel(found, [HAPPENINGS[name][1] for name in names], question)
    assert without_names(answer["data"]) == oracle.answer(question.get("limit", 10))
    if "breakdown" in question:
        values = {oracle.value(chain[0]) for chain in oracle.best}
        assert answer["meta"]["breakdown_values"] == len(values)


@settings(looking, max_examples=45)
@given(found=events(stamps), names=named_steps, question=questions, limit=st.integers(1, 3))
async def test_any_events_any_steps(
    found: list[Event],
    names: list[str],
    question: dict[str, Any],
    limit: int,
    api: httpx.AsyncClient,
    table: Client,
) -> None:
    if "breakdown" in question:
        question = {**question, "limit": limit}
    await compare(api, table, found, names, question)


@settings(looking, max_examples=12)
@given(
    found=events(across_days),
    names=named_steps,
    window=st.sampled_from([86_400, 86_401, 2 * 86_400, 90 * 86_400]),
)
async def test_windows_beyond_a_day_follow_the_ids_of_clients(
    found: list[Event], names: list[str], window: int, api: httpx.AsyncClient, table: Client
) -> None:
    question = {"steps": [HAPPENINGS[name][0] for name in names], "window_seconds": window}
    answer = await post(api, insert(table, found), "funnels", question)
    fits = [HAPPENINGS[name][1] for name in names]
    assert without_names(answer["data"]) == Funnel(found, fits, question).answer()
    expected = left_out(found, fits[0]) if window > 86_400 else None
    assert answer["meta"].get("left_out") == expected
    assert ("visitors" in answer["meta"]) == (window <= 86_400)
