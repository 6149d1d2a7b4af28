"""Every path of the OpenAPI document asks who is calling: one that does not makes these tests fail."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from eventrail import metrics
from eventrail.clock import ManualClock
from eventrail.errors import ClickHouseUnavailable
from eventrail.websites import ListedWebsites, OpenWebsites, ServerKey, Website, Websites, keys
from eventrail.websites.model import Scope
from query_api.app import create_app
from query_api.engine import Answer
from query_api.events_table import Statement
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8")
ALL: tuple[Scope, ...] = ("send", "read", "export", "erase", "operate")
PIPELINE = "/api/pipeline/"
FOR_EVERY_KEY = {"/api/websites"}
"""Paths that a key needs no scope for."""

FULL, SENDER, ELSEWHERE, STRANGER = (keys.make(bytes([number]) * keys.KEY_BYTES) for number in range(4))


class Untouched:
    """An engine that must not be asked."""

    def __init__(self) -> None:
        self.asked: list[Statement] = []
        self.error: Exception | None = None

    async def answer(self, statement: Statement) -> Answer:
        self.asked.append(statement)
        if self.error is not None:
            raise self.error
        return Answer([])

    async def check(self) -> str:
        return "ok"


def website(website_id: str, *granted: tuple[str, tuple[Scope, ...]]) -> Website:
    server_keys = [
        ServerKey(id=f"k{number}", hash=keys.hash_of(key), scopes=frozenset(scopes))
        for number, (key, scopes) in enumerate(granted)
    ]
    return Website(
        id=website_id, name=website_id, domains=(f"{website_id}.example",), server_keys=tuple(server_keys)
    )


LISTED = ListedWebsites(
    [
        website("shop", (FULL, ALL), (SENDER, ("send",))),
        website("blog", (ELSEWHERE, ("read", "export", "erase"))),
    ]
)


def make_client(websites: Websites, engine: Untouched) -> httpx.AsyncClient:
    # Requests of a whole matrix come in no time; limits have tests of their own.
    settings = QueryApiSettings(key_burst=1_000_000)
    app = create_app(engine, ManualClock(), settings, Metrics(metrics.registry("query-api")), websites)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://query-api")


@pytest.fixture
def engine() -> Untouched:
    return Untouched()


@pytest_asyncio.fixture(loop_scope="session")
async def listed(engine: Untouched) -> AsyncIterator[httpx.AsyncClient]:
    async with make_client(LISTED, engine) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def operations(listed: httpx.AsyncClient) -> list[tuple[str, str]]:
    """Method and path template of all that the document tells of."""
    paths = (await listed.get("/openapi.json")).json()["paths"]
    found = [(method.upper(), path) for path, item in paths.items() for method in item]
    assert len(found) >= 5
    return found


async def ask(
    client: httpx.AsyncClient, operation: tuple[str, str], key: str | None = None, website_id: str = "shop"
) -> httpx.Response:
    method, path = operation
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    content = None if method == "GET" else b"{}"
    return await client.request(
        method,
        path.replace("{website_id}", website_id),
        headers={**headers, "Content-Type": "application/json"},
        content=content,
    )


def told(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_each_path_is_of_a_website_or_of_the_pipeline_or_for_every_key(
    operations: list[tuple[str, str]],
) -> None:
    for _method, path in operations:
        assert path.startswith(("/api/websites/{website_id}/", PIPELINE)) or path in FOR_EVERY_KEY, (
            f"{path} has no rule of access: give it one here and in docs/access.md"
        )


@pytest.mark.parametrize("website_id", ["shop", "nowhere", "a%20b"])
@pytest.mark.parametrize("key", [None, STRANGER, "", "nonsense"])
async def test_without_a_valid_key_everything_is_401(
    listed: httpx.AsyncClient,
    operations: list[tuple[str, str]],
    engine: Untouched,
    key: str | None,
    website_id: str,
) -> None:
    for operation in [*operations, ("GET", "/api/nothing"), ("DELETE", "/api/websites")]:
        answer = await ask(listed, operation, key, website_id)
        assert told(answer) == (401, "unauthorized"), operation
        assert answer.headers["www-authenticate"].startswith('Bearer realm="eventrail"')
    assert engine.asked == []


@pytest.mark.parametrize("website_id", ["blog", "nowhere"])
async def test_another_website_is_404_like_one_that_does_not_exist(
    listed: httpx.AsyncClient, operations: list[tuple[str, str]], engine: Untouched, website_id: str
) -> None:
    of_website = [operation for operation in operations if "{website_id}" in operation[1]]
    assert of_website
    for operation in of_website:
        assert told(await ask(listed, operation, FULL, website_id)) == (404, "not_found"), operation
    assert engine.asked == []


async def test_a_key_without_the_scope_is_403_and_told_which_one_is_missing(
    listed: httpx.AsyncClient, operations: list[tuple[str, str]], engine: Untouched
) -> None:
    for operation in operations:
        if operation[1] in FOR_EVERY_KEY:
            continue
        answer = await ask(listed, operation, SENDER)
        assert told(answer) == (403, "forbidden"), operation
        scope = answer.headers["www-authenticate"].partition('scope="')[2].rstrip('"')
        assert scope in ALL
        assert repr(scope) in answer.json()["error"]["message"]
    assert engine.asked == []


async def test_the_page_names_the_scope_of_each_path(
    listed: httpx.AsyncClient, operations: list[tuple[str, str]]
) -> None:
    documented = dict(re.findall(r"^\| `([A-Z]+ /api/[^`]*)` \| `?(\w+|-)`? \|", PAGE, flags=re.MULTILINE))
    needed = {
        f"{method} {path}": (await ask(listed, (method, path), SENDER))
        .headers.get("www-authenticate", "-")
        .partition('scope="')[2]
        .rstrip('"')
        or "-"
        for method, path in operations
    }
    assert documented == needed


async def test_the_page_names_each_setting_and_code() -> None:
    for name in ("KEY_REQUESTS_PER_SECOND", "KEY_BURST", "KEY_CONCURRENCY", "CORS_ORIGINS"):
        assert f"`EVENTRAIL_QUERY_API_{name}`" in PAGE
    for code in (
        "unauthorized",
        "forbidden",
        "not_found",
        "rate_limited",
        "too_many_concurrent",
        "origin_not_allowed",
    ):
        assert f"`{code}`" in PAGE


async def test_the_pipeline_needs_operate(
    listed: httpx.AsyncClient, operations: list[tuple[str, str]], engine: Untouched
) -> None:
    of_pipeline = [operation for operation in operations if operation[1].startswith(PIPELINE)]
    assert of_pipeline
    for operation in of_pipeline:
        answer = await ask(listed, operation, ELSEWHERE)
        assert told(answer) == (403, "forbidden"), operation
        assert "'operate'" in answer.json()["error"]["message"]
    assert engine.asked == []


async def test_a_key_with_all_scopes_is_let_in_everywhere(
    listed: httpx.AsyncClient, operations: list[tuple[str, str]]
) -> None:
    for operation in operations:
        answer = await ask(listed, operation, FULL)
        assert answer.status_code not in {401, 403, 404, 429}, (operation, answer.text)


async def test_an_id_that_is_none_stays_400(
    listed: httpx.AsyncClient, operations: list[tuple[str, str]]
) -> None:
    for operation in operations:
        if "{website_id}" in operation[1]:
            answer = await ask(listed, operation, FULL, "a%20b")
            assert told(answer) == (400, "validation_error"), operation
            assert answer.json()["error"]["field"] == "website_id"


@pytest.mark.parametrize("key", [None, FULL, "nonsense"])
async def test_an_open_stack_lets_in_everyone(
    engine: Untouched, operations: list[tuple[str, str]], key: str | None
) -> None:
    async with make_client(OpenWebsites(), engine) as client:
        for operation in operations:
            answer = await ask(client, operation, key, "anything")
            assert answer.status_code not in {401, 403, 404, 429}, (operation, answer.text)
            assert "ratelimit" not in answer.headers


async def test_what_operators_and_readers_of_the_manual_need_is_open(listed: httpx.AsyncClient) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/docs", "/openapi.json"):
        assert (await listed.get(path)).status_code == 200, path


async def test_keys_stand_in_no_answer_no_metric_and_no_log(
    listed: httpx.AsyncClient, engine: Untouched, operations: list[tuple[str, str]]
) -> None:
    engine.error = ClickHouseUnavailable("away")
    with capture_logs() as lines:
        answers = [await ask(listed, operation, key) for operation in operations for key in (FULL, STRANGER)]
    assert lines
    told = [answer.text + str(answer.headers) for answer in [*answers, await listed.get("/metrics")]]
    shown = "".join(told) + repr(lines)
    for key in (FULL, STRANGER):
        assert key not in shown
        assert keys.hash_of(key).removeprefix("sha256:") not in shown
