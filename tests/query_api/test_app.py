"""The whole HTTP face: paths, methods, health, metrics."""

import asyncio
import json
from typing import Any

import httpx
import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp

from eventrail import metrics
from eventrail.clock import ManualClock
from eventrail.errors import ClickHouseUnavailable
from query_api.app import create_app
from query_api.engine import Answer
from query_api.events_table import Statement
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings

EVENTS = "/api/websites/w/events"


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/websites/w", EVENTS + "/", EVENTS + "/nothing", "/api/websites/a%2Fb/events"]
)
async def test_unknown_paths(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == ("not_found", None)
    assert error["message"].startswith("no such path: '/")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        *((path, "GET, HEAD, POST") for path in (EVENTS, EVENTS + "/properties", EVENTS + "/timeseries")),
        *((path, "GET, HEAD") for path in ("/api/pipeline/ledger", "/livez", "/readyz", "/metrics")),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "SEARCH"])
async def test_wrong_methods(client: httpx.AsyncClient, path: str, allowed: str, method: str) -> None:
    answer = await client.request(method, path)
    if method in allowed:
        assert answer.status_code == 400
        return
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert answer.json() == {
        "error": {
            "code": "method_not_allowed",
            "message": f"'{method}' is not allowed here, use {allowed}",
            "field": None,
        }
    }


async def test_head_is_get_without_a_body(client: httpx.AsyncClient, engine: Any) -> None:
    engine.rows = [("signup_click", 1, 0, 0, 1, 1)]
    get, head = await client.get(EVENTS), await client.head(EVENTS)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.content))
    assert (await client.head(EVENTS + "/properties")).status_code == 400


async def test_an_engine_that_is_away(client: httpx.AsyncClient, engine: Any) -> None:
    engine.error = ClickHouseUnavailable("ClickHouse does not answer")
    answer = await client.get(EVENTS)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json() == {
        "error": {
            "code": "unavailable",
            "message": "the query cannot be answered now, try again in 5 s: ClickHouse does not answer",
            "field": None,
        }
    }


async def test_a_failure_that_nobody_expected_tells_the_client_nothing(
    client: httpx.AsyncClient, engine: Any
) -> None:
    engine.error = RuntimeError("secret of the house")
    answer = await client.get(EVENTS)
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert "secret" not in answer.text


async def test_it_is_alive_and_ready_while_clickhouse_is_away(client: httpx.AsyncClient, engine: Any) -> None:
    engine.state = "ClickHouse does not answer"
    assert (await client.get("/livez")).status_code == 200
    ready = await client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {
        "ready": True,
        "checks": {"clickhouse": "ClickHouse does not answer", "data_through": "kafka was not asked yet"},
    }


async def test_requests_are_counted_by_template_and_status(
    client: httpx.AsyncClient, engine: Any, catalogue: Metrics
) -> None:
    await client.get(EVENTS)
    await client.get("/api/websites/another/events")
    await client.head(EVENTS)
    await client.get("/api/nothing")
    await client.get("/livez")
    engine.error = RuntimeError()
    await client.get(EVENTS)

    def count(route: str, status: str) -> float | None:
        labels = {"route": route, "status": status}
        return catalogue.registry.get_sample_value("eventrail_query_api_requests_total", labels)

    assert count("/api/websites/{website_id}/events", "200") == 3
    assert count("/api/websites/{website_id}/events", "500") == 1
    assert count("other", "404") == 1
    assert count("/livez", "200") == 1


async def test_metrics_are_served(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert "eventrail_query_api_rows_read_total" in answer.text
    assert 'eventrail_build_info{service="query-api"' in answer.text


async def test_a_path_that_is_no_utf8(client: httpx.AsyncClient) -> None:
    answer = await client.get(httpx.URL("http://query-api", raw_path=b"/api/websites/%FF%FE/events"))
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "website_id"


PATHS = [EVENTS, EVENTS + "/properties", EVENTS + "/timeseries"]
WORDS = [
    "event_name",
    "start_date",
    "end_date",
    "granularity",
    "=",
    "&",
    "%",
    "%00",
    "day",
    "2026-02-01",
    "\xff",
]
words = st.lists(st.sampled_from(WORDS), max_size=8).map(lambda parts: "".join(parts).encode("latin-1"))


async def raw(app: ASGIApp, path: str, query: bytes, body: bytes | None = None) -> tuple[int, Any]:
    """Status and JSON of a GET, or of a POST with `body`, that no client library has touched."""
    sent: list[Any] = []
    requested = iter([{"type": "http.request", "body": body or b""}])

    async def receive() -> Any:
        # Like a server: the request once, and then nothing until the client hangs up, which it never does.
        return next(requested, None) or await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "http", "http_version": "1.1", "path": path, "headers": []}
    scope["method"] = "GET" if body is None else "POST"
    await app({**scope, "query_string": query, "server": ("x", 80), "scheme": "http"}, receive, send)
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


@hypothesis.settings(max_examples=200, deadline=None)
@given(path=st.sampled_from(PATHS), query=st.binary(max_size=40) | words)
async def test_no_query_string_gets_more_than_a_400(path: str, query: bytes) -> None:
    refused_or_answered(*await raw(EMPTY_APP, path, query))


MEMBERS = st.sampled_from(
    ["event_name", "start_date", "granularity", "limit", "filters", "include", "breakdown", "x"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["x", "day", "country"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["field", "operator", "values", ""]), inner, max_size=3)
    ),
)


@hypothesis.settings(max_examples=200, deadline=None)
@given(
    path=st.sampled_from(PATHS), body=st.binary(max_size=40) | st.dictionaries(MEMBERS, VALUES, max_size=4)
)
async def test_no_body_gets_more_than_a_400(path: str, body: bytes | dict[str, Any]) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    refused_or_answered(*await raw(EMPTY_APP, path, b"", content))


def refused_or_answered(status: int, body: Any) -> None:
    assert status in {200, 400}
    if status == 400:
        assert set(body["error"]) == {"code", "message", "field"}
        assert body["error"]["code"] == "validation_error"


class Empty:
    """An engine over an empty table."""

    async def answer(self, _statement: Statement) -> Answer:
        return Answer([])

    async def check(self) -> str:
        return "ok"


EMPTY_APP = create_app(Empty(), ManualClock(), QueryApiSettings(), Metrics(metrics.registry("query-api")))
