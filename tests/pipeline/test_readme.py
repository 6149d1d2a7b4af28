"""The curl lines of the README do what it says, on the real stack."""

import shlex
from pathlib import Path

import httpx
import pytest

from tests.pipeline.river import River, until

pytestmark = pytest.mark.stack

README = Path(__file__).parents[2] / "README.md"
STATUSES = [202, 202, 400, 200, 200, 200, 200, 400, 200, 200]


def curl_lines() -> list[str]:
    return [line for line in README.read_text().splitlines() if line.startswith("curl ")]


async def run(line: str, river: River, website: str) -> httpx.Response:
    """What curl would do with `line`: POST with --json, else GET."""
    addresses = river.addresses
    for port, address in (
        ("8400", addresses.collector),
        ("8401", addresses.query_api),
        ("8402", addresses.enricher),
        ("8403", addresses.writer),
    ):
        line = line.replace(f"localhost:{port}", f"http://{address}")
    words = [word.replace("demo", website) for word in shlex.split(line)[1:] if word != "-i"]
    async with httpx.AsyncClient() as client:
        if "--json" in words:
            url, _, body = words
            return await client.post(url, content=body, headers={"Content-Type": "application/json"})
        return await client.get(words[0])


async def test_each_line_answers_as_the_readme_says(river: River, website: str) -> None:
    answers = [await run(line, river, website) for line in curl_lines()]
    assert [answer.status_code for answer in answers] == STATUSES
    await until(lambda: river.counts(website), {"add_to_cart": 1, "checkout_start": 1, "purchase": 1}.__eq__)
    properties = (await run(curl_lines()[5], river, website)).json()["data"]
    assert {row["property_key"]: row["values"] for row in properties} == {
        "amount": [{"value": "49.90", "count": 1}],
        "plan": [{"value": "pro", "count": 1}],
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
