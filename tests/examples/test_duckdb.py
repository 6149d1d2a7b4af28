"""examples/subscribers/duckdb, over a file that the query API exported as its comment says."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.examples.subscriber import EXAMPLES
from tests.pipeline import curl
from tests.pipeline.river import River, until

SQL = (EXAMPLES / "duckdb" / "purchases.sql").read_text()
(COMMAND,) = [line.removeprefix("--").strip() for line in SQL.splitlines() if "curl " in line]


def event(website: str, name: str, amount: float) -> dict[str, Any]:
    data = {"amount": amount}
    return {"website_id": website, "event_type": "custom", "event_name": name, "event_data": data}


@pytest.mark.stack
async def test_purchases_are_counted_by_country(
    river: River, website: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, amount in (("purchase", 49.99), ("purchase", 0.02), ("refund", 5)):
        assert (await river.post(event(website, name, amount))).status_code == 202
    await until(lambda: river.counts(website), {"purchase": 2, "refund": 1}.__eq__)
    answer = await curl.run(curl.located(COMMAND, river, website, "demo-shop"))
    assert answer.status_code == 200, answer.text
    (tmp_path / "events.parquet").write_bytes(answer.content)
    monkeypatch.chdir(tmp_path)
    assert duckdb.execute(SQL).fetchall() == [("unknown", 2, Decimal("50.01"))]
