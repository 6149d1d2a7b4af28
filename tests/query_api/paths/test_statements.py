"""Every statement of funnels, journeys and retention reads each event once, as the engine itself tells it."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest
from clickhouse_driver import Client

from tests.faults.once.running_statements import Judge, recorded
from tests.query_api.paths.happened import HAPPENINGS, post

pytestmark = pytest.mark.stack

STEPS = [said for said, _ in HAPPENINGS.values()]
ASKED: Sequence[tuple[str, Mapping[str, Any]]] = [
    ("funnels", {"steps": STEPS}),
    ("funnels", {"steps": STEPS, "order": "strict", "by": "session", "breakdown": "prop.plan"}),
    ("funnels", {"steps": [*STEPS, *STEPS[:2]], "window_seconds": 172_800}),
    ("journeys", {"anchor": STEPS[0]}),
    ("journeys", {"anchor": STEPS[-1], "direction": "before", "by": "visitor", "depth": 8}),
    ("retention", {"start": STEPS[0]}),
    ("retention", {"start": STEPS[0], "return": STEPS[-1], "granularity": "month", "timezone": "Asia/Kolkata"}),
]  # fmt: skip


async def test_each_reads_every_event_once(api: httpx.AsyncClient, table: Client) -> None:
    judge = Judge(table)
    with recorded() as sent:
        for what, question in ASKED:
            await post(api, "nobody", what, dict(question))
    faults = {statement.sql: judge.faults(statement) for statement in sent}
    assert not any(faults.values()), faults
    assert judge.readings >= len(ASKED) + 4  # four of them say whom they left out
