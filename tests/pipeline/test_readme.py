"""The curl lines of the README do what it says, on the real stack."""

from pathlib import Path

import httpx
import pytest

from tests.pipeline import curl
from tests.pipeline.river import River, until

pytestmark = pytest.mark.stack

README = Path(__file__).parents[2] / "README.md"
STATUSES = [202, 202, 400, 200, 200, 200, 200, 400, 200, 200]


def curl_lines() -> list[str]:
    return curl.lines(README)


async def run(line: str, river: River, website: str) -> httpx.Response:
    """What curl would answer, with `website` in the place of `demo`."""
    return await curl.run(curl.located(line, river, website, "demo"))


async def test_each_line_answers_as_the_readme_says(river: River, website: str) -> None:
    answers = [await run(line, river, website) for line in curl_lines()]
    assert [answer.status_code for answer in answers] == STATUSES
    await until(lambda: river.counts(website), {"add_to_cart": 1, "checkout_start": 1, "purchase": 1}.__eq__)
    properties = (await run(curl_lines()[5], river, website)).json()["data"]
    assert {row["property_key"]: row["values"] for row in properties} == {
        "amount": [{"value": "49.90", "count": 1, "type": "number"}],
        "plan": [{"value": "pro", "count": 1, "type": "string"}],
    }


def test_the_limits_are_those_of_the_code() -> None:
    text = README.read_text()
    for limit in (
        "102,400 bytes",
        "1 to 50 events",
        "4,096 bytes",
        "1 to 255 characters",
        "1 to 64 characters",
    ):
        assert limit in text
