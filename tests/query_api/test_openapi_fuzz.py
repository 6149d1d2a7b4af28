"""The whole OpenAPI document against the application on the real engine: no 500, nothing that it does not describe.

An endpoint that is added to the document is asked without a word here, but for streams, which never end. Hostile names,
keys and texts have to be inert: they are answered or refused, and the table is as it was.
"""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
import schemathesis
from clickhouse_driver import Client
from hypothesis import HealthCheck, settings
from schemathesis import checks

from eventrail import metrics
from eventrail.clock import ManualClock
from eventrail.erasures.request import Erasure
from query_api.app import create_app
from query_api.clickhouse import ClickHouse
from query_api.engine import Answer
from query_api.events_table import Statement
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings
from tests.query_api.oracle.events import HOSTILE, insert, random_history

pytestmark = [pytest.mark.stack, pytest.mark.slow]

NOW_MS: Final = 1_776_254_400_000
WEBSITE: Final = "cm5x9yz1a0001"
"""The example of the document."""

CHECKS: Final = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
    checks.allow_header_conformance,
]


class LateEngine:
    """The real engine once the stack is up: the document is read before that."""

    real: ClickHouse

    async def answer(self, statement: Statement) -> Answer:
        return await self.real.answer(statement)

    async def check(self) -> str:
        return await self.real.check()


class Acknowledging:
    """Takes each request to erase."""

    async def raw_ends(self) -> dict[int, int]:
        return {0: 7}

    async def publish(self, erasure: Erasure) -> None:
        assert erasure.visitor_ids or erasure.event_ids


ENGINE: Final = LateEngine()
APP: Final = create_app(
    ENGINE,
    ManualClock(unix_ms=NOW_MS),
    QueryApiSettings(),
    Metrics(metrics.registry("query-api")),
    erasure_topic=Acknowledging(),
)
STATUSES: Final[Counter[int]] = Counter()


def is_stream(context: Any) -> bool:
    answers = context.operation.definition.raw["responses"].values()
    return any("text/event-stream" in answer.get("content", {}) for answer in answers)


schema = schemathesis.openapi.from_asgi("/openapi.json", APP).exclude(is_stream)


@pytest.fixture(scope="module", autouse=True)
def table(events_database: str) -> Iterator[Client]:
    """Some events; fails where the fuzz was never answered or never refused, or where a row is missing afterwards."""
    ENGINE.real = ClickHouse(events_database, QueryApiSettings(), Metrics(metrics.registry("query-api")))
    client = Client.from_url(events_database)
    for block in random_history(random.Random(1), 100).blocks:
        insert(client, WEBSITE, block)
    [(before,)] = client.execute("SELECT count() FROM events")
    yield client
    assert client.execute("SELECT count() FROM events") == [(before,)]
    assert min(STATUSES[200], STATUSES[400]) >= 5
    client.disconnect()
    ENGINE.real.close()


@schema.parametrize()
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_describes(case: schemathesis.Case[Any]) -> None:
    if "website_id" in case.path_parameters and case.method in ("GET", "POST"):
        case.path_parameters["website_id"] = WEBSITE  # Else each question would be about nothing.
    answer = case.call_and_validate(checks=CHECKS)
    STATUSES[answer.status_code] += 1
    # `default` describes whatever nobody expected: a client can do nothing with that.
    documented = case.operation.definition.raw["responses"]
    assert str(answer.status_code) in documented or case.method.lower() != case.operation.method.lower()


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_texts_are_inert(text: str) -> None:
    path = f"/api/websites/{WEBSITE}/events"
    filters = [
        {"field": f"prop.{text}", "operator": "not", "values": [text, 1]},
        {"field": f"prop.{text}", "operator": "not_contains", "values": [text, "x"]},
        {"field": "path", "operator": "not", "values": [text]},
    ]
    whole = {"start_date": "2026-01-01", "end_date": "2026-04-15"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=APP), base_url="http://query-api") as api:
        for what, more in (
            ("", {"search": text}),
            ("/properties", {"event_name": f"x{text}x", "search": text}),
            ("/timeseries", {"event_name": f"x{text}x", "breakdown": f"prop.{text}"}),
        ):
            answer = await api.post(path + what, json={**whole, **more, "filters": filters})
            assert answer.status_code == 200, answer.text
            assert (await api.get(path + what, params={**whole, **more, "timezone": text})).status_code == 400


async def test_the_largest_body_is_answered() -> None:
    """Everything at its bounds: keys that stand in a statement several times, hundreds of texts, quotes and zeros."""
    path = f"/api/websites/{WEBSITE}/events"
    key, texts = "'\\" * 900, [f"\\'{number}" for number in range(200)]
    bodies: list[list[dict[str, Any]]] = [
        [{"field": f"prop.{number}{key}", "operator": "between", "values": [1, 2]} for number in range(24)],
        [{"field": "path", "operator": "not_contains", "values": texts}] * 38,
        [{"field": f"prop.{number}", "values": [*range(200)]} for number in range(50)],
    ]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=APP), base_url="http://query-api") as api:
        for filters in bodies:
            answer = await api.post(path, json={"filters": filters})
            assert answer.status_code == 200, answer.text
