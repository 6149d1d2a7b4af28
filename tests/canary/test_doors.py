"""What the canary asks, and what it makes of each answer."""

import json
from collections.abc import Callable

import httpx
import pytest

from canary.doors import Collector, QueryApi, Refused, Unreachable

Answer = Callable[[httpx.Request], httpx.Response]


def http(answer: Answer) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


def always(status: int, body: object = None, text: str | None = None) -> Answer:
    content = text if text is not None else json.dumps(body)
    return lambda _request: httpx.Response(status, text=content)


def broken(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("too slow", request=request)


async def test_an_event_is_what_a_client_would_send() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(202, json={"ok": True, "event_ids": ["e1"]})

    assert await Collector(http(answer), "https://c.example/in/", "canary", "p1").send(7) == "e1"
    assert str(asked[0].url) == "https://c.example/in/api/collect"
    assert json.loads(asked[0].content) == {
        "website_id": "canary",
        "event_type": "custom",
        "event_name": "canary",
        "event_data": {"process": "p1", "number": 7},
    }


async def test_rows_of_this_process_alone_are_asked_for_with_the_key() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"data": [{"event_id": "e2"}, {"event_id": "e1"}]})

    door = QueryApi(http(answer), "https://q.example", "canary", "p1", "evk_1")
    assert await door.newest(4000) == ["e2", "e1"]
    assert asked[0].url.path == "/api/websites/canary/events/rows"
    assert dict(asked[0].url.params) == {
        "event_name": "canary",
        "prop.process": "p1",
        "include_bots": "true",
        "limit": "1000",
    }
    assert asked[0].headers["Authorization"] == "Bearer evk_1"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (always(503, {"error": "unavailable"}), "answered 503"),
        (always(200, {"event_ids": ["e"]}), "answered 200"),
        (always(202, {"event_ids": []}), "without one event id"),
        (always(202, {"event_ids": [7]}), "without one event id"),
        (always(202, ["no object"]), "no JSON object"),
        (always(202, text="<html>"), "no JSON:"),
    ],
)
async def test_another_answer_of_the_collector_is_a_refusal_that_shows_it(answer: Answer, said: str) -> None:
    with pytest.raises(Refused, match=said):
        await Collector(http(answer), "http://c", "canary", "p1").send(1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (always(401, {"error": {"code": "unauthorized"}}), "answered 401.*unauthorized"),
        (always(200, {"data": "rows"}), "without rows"),
        (always(200, {"data": [{}]}), "without rows"),
        (always(200, text=""), "no JSON:"),
    ],
)
async def test_another_answer_of_the_query_api_is_a_refusal_that_shows_it(answer: Answer, said: str) -> None:
    with pytest.raises(Refused, match=said):
        await QueryApi(http(answer), "http://q", "canary", "p1", "").newest(10)


async def test_no_answer_is_told_apart_from_a_wrong_one() -> None:
    with pytest.raises(Unreachable, match="ReadTimeout"):
        await Collector(http(broken), "http://c", "canary", "p1").send(1)
    with pytest.raises(Unreachable, match="ReadTimeout"):
        await QueryApi(http(broken), "http://q", "canary", "p1", "").newest(10)
