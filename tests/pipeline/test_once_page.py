"""The curl lines of docs/once.md do what the page says, on the real stack."""

from pathlib import Path

import pytest

from tests.pipeline.river import River, until
from tests.pipeline.test_readme import run

pytestmark = pytest.mark.stack

PAGE = Path(__file__).parents[2] / "docs/once.md"
STATUSES = [202, 202, 202, 202, 400, 202, 200]


async def test_each_line_answers_as_the_page_says(river: River, website: str) -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("curl ")]
    answers = [await run(line, river, website) for line in lines]
    assert [answer.status_code for answer in answers] == STATUSES
    assert answers[4].json()["error"]["message"] in PAGE.read_text()
    await until(lambda: river.counts(website), {"purchase": 1, "signup_click": 1, "refund": 1}.__eq__)
    # Each try is on the way by itself; the last ones have arrived when as many rows as tries are there.
    stored = "SELECT count() FROM events WHERE website_id = %(website)s"

    async def found() -> list[tuple[int]]:
        return river.rows(stored, website=website)

    await until(found, lambda rows: rows[0][0] >= 3)
    assert await river.counts(website) == {"purchase": 1, "signup_click": 1, "refund": 1}
