"""A large export holds one page of rows, whatever the number of all."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from clickhouse_driver import Client

from eventrail import metrics
from query_api.clickhouse import ClickHouse
from query_api.events_table import Statement
from query_api.exporting import parts, prepare
from query_api.metrics import Metrics
from query_api.queries.export import PAGE_ROWS
from query_api.question.export import FIELDS, ask
from query_api.question.given import from_query
from query_api.question.selection import Context
from query_api.settings import QueryApiSettings
from tests.query_api.stored import AFTER_MS

pytestmark = [pytest.mark.stack, pytest.mark.slow]

ROWS = 200_000
QUERY = b"columns=event_id,timestamp,properties&start_date=2026-02-03&end_date=2026-03-18"


@dataclass
class Watched:
    """Runs statements, and keeps how many rows each answer had."""

    engine: ClickHouse
    lengths: dict[str, list[int]] = field(default_factory=dict)

    async def rows(self, statement: Statement) -> Sequence[Any]:
        answer = await self.engine.answer(statement)
        self.lengths.setdefault(statement.name, []).append(len(answer.rows))
        return answer.rows


async def test_pages_of_a_large_export(events_database: str) -> None:
    table = Client.from_url(events_database)
    # Half of them twice, in another part: what is paged is what FINAL leaves.
    for count in (ROWS, ROWS // 2):
        table.execute(
            "INSERT INTO events (website_id, event_name, identity_day, event_id_high, event_id_low, event_type, "
            "other_event_data, enriched_offset, copy_rank) SELECT 'large', ['a', 'b', 'c'][1 + number % 3], "
            "toDate('2026-02-05') + number % 7, sipHash64(number), number, 'custom', '{\"n\":1.50}', number, "
            f"140737488355327 FROM numbers({count})"
        )
    table.disconnect()
    engine = ClickHouse(events_database, QueryApiSettings(), Metrics(metrics.registry("query-api")))
    watched = Watched(engine)
    question = ask(from_query(QUERY, FIELDS), Context("large", AFTER_MS - 1))
    file = await prepare(question, watched.rows)
    assert file.rows == ROWS
    largest, ids = 0, set[bytes]()
    async for part in parts(file, watched.rows):
        largest = max(largest, len(part))
        ids.update(line[13:49] for line in part.splitlines())
    engine.close()
    assert len(ids) == ROWS
    assert set(watched.lengths["export_page"]) == {PAGE_ROWS}
    assert watched.lengths["export_plan"] == [ROWS // PAGE_ROWS]
    assert largest < PAGE_ROWS * 150
