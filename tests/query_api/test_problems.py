import json

import httpx
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException

from eventrail.errors import ClickHouseUnavailable, UnavailableError
from query_api import problems
from query_api.errors import (
    ClientGone,
    Forbidden,
    Invalid,
    Limited,
    NotFound,
    TooCostly,
    TooEarly,
    Unauthorized,
    shown,
)


def app_that_raises(error: Exception) -> FastAPI:
    app = FastAPI()
    problems.install(app, retry_after_seconds=7)

    @app.get("/")
    def fail() -> None:
        raise error

    return app


async def ask(error: Exception) -> httpx.Response:
    transport = httpx.ASGITransport(app=app_that_raises(error), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        return await client.get("/")


@pytest.mark.parametrize(
    ("error", "status", "code", "field"),
    [
        (Invalid("wrong", "start_date"), 400, "validation_error", "start_date"),
        (Invalid("wrong"), 400, "validation_error", None),
        (Unauthorized("no key"), 401, "unauthorized", None),
        (Forbidden("read", "website 'shop'"), 403, "forbidden", None),
        (NotFound("shop"), 404, "not_found", "website_id"),
        (Limited("rate_limited", "slower", 3), 429, "rate_limited", None),
        (Limited("too_many_concurrent", "fewer", 1), 429, "too_many_concurrent", None),
        (HTTPException(404), 404, "not_found", None),
        (HTTPException(405), 405, "method_not_allowed", None),
        (HTTPException(418, "a teapot"), 418, "bad_request", None),
        (TooEarly(10), 425, "too_early", "token"),
        (ClientGone(), 499, "client_gone", None),
        (ClickHouseUnavailable("away"), 503, "unavailable", None),
        (UnavailableError("away"), 503, "unavailable", None),
        (ValueError("inside"), 500, "internal_error", None),
    ],
)
async def test_the_table(error: Exception, status: int, code: str, field: str | None) -> None:
    answer = await ask(error)
    assert answer.status_code == status
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "field"}
    assert (body["error"]["code"], body["error"]["field"]) == (code, field)
    assert "inside" not in answer.text


async def test_headers_that_tell_what_to_do() -> None:
    assert (await ask(ClickHouseUnavailable("away"))).headers["retry-after"] == "7"
    assert (await ask(HTTPException(405))).headers["allow"] == "GET, HEAD"
    assert (await ask(Limited("rate_limited", "slower", 3))).headers["retry-after"] == "3"


@pytest.mark.parametrize(
    ("error", "challenge"),
    [
        (Unauthorized("no key"), 'Bearer realm="eventrail"'),
        (Unauthorized("wrong", "invalid_token"), 'Bearer realm="eventrail", error="invalid_token"'),
        (
            Forbidden("erase", "website 'shop'"),
            'Bearer realm="eventrail", error="insufficient_scope", scope="erase"',
        ),
    ],
)
async def test_a_challenge_says_what_is_missing(error: Exception, challenge: str) -> None:
    assert (await ask(error)).headers["www-authenticate"] == challenge


def test_what_a_client_sent_is_shown_on_one_short_line() -> None:
    assert shown("a\nb") == "'a\\nb'"
    assert len(shown("x" * 1000)) < 80
    json.dumps(shown("\0\x1b[31m"))


async def test_too_early_says_why_and_when_to_ask_again() -> None:
    answer = await ask(TooEarly(10, ("writer: partition 1 is 3 records behind",), retry_after_seconds=2))
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["error"]["message"] == (
        "the events of this token do not count yet, after waiting for 10 s (writer: partition 1 is 3 records behind); "
        "ask again in 2 s, or without token"
    )


async def test_too_costly_tells_the_estimate() -> None:
    answer = await ask(TooCostly(3_000, 1_000, ("10 days at a time", "one event_name")))
    assert answer.status_code == 422
    assert answer.json()["error"] == {
        "code": "too_costly",
        "message": "the answer would take about 3,000 rows to read, at most 1,000 are read for one; ask for 10 days at "
        "a time, or for one event_name",
        "field": None,
        "estimate": {"rows": 3_000, "limit": 1_000},
    }
