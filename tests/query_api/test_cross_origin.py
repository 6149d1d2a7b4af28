"""The CORS protocol as browsers see it."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from pydantic import ValidationError

from eventrail.clock import ManualClock
from query_api.app import create_app
from query_api.cross_origin import parse_origins
from query_api.engine import Engine
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings

EVENTS = "/api/websites/w/events"
ALLOWED = "https://admin.example, https://*.boards.example,http://localhost:3000"
IN = [
    "https://admin.example",
    "https://a.boards.example",
    "https://a.b.boards.example",
    "http://localhost:3000",
]
OUT = [
    "https://evil.example",
    "http://admin.example",
    "https://admin.example:8443",
    "https://boards.example",
    "https://admin.example.evil.example",
    "https://evil.example/.boards.example",
    "null",
    "\xff",
    "",
]
PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


@pytest_asyncio.fixture(loop_scope="session")
async def sharing(engine: Engine, catalogue: Metrics) -> AsyncIterator[httpx.AsyncClient]:
    settings = QueryApiSettings(cors_origins=ALLOWED)
    app = create_app(engine, ManualClock(), settings, catalogue)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://query-api") as made:
        yield made


def origin(text: str, **more: str) -> list[tuple[bytes, bytes]]:
    headers = {"Origin": text, **more}
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def cors_headers(answer: httpx.Response) -> set[str]:
    return {name for name in answer.headers if name.startswith("access-control-")}


@pytest.mark.parametrize("page", IN)
@pytest.mark.parametrize("path", [EVENTS, "/api/websites", "/api/nothing", "/docs"])
async def test_a_preflight_of_a_listed_origin(sharing: httpx.AsyncClient, page: str, path: str) -> None:
    answer = await sharing.options(path, headers=origin(page, **PREFLIGHT))
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == page
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST"
    assert answer.headers["access-control-allow-headers"] == "Authorization, Content-Type, Last-Event-ID"
    assert answer.headers["access-control-max-age"] == "7200"
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("page", OUT)
async def test_a_preflight_of_another_origin(sharing: httpx.AsyncClient, page: str) -> None:
    answer = await sharing.options(EVENTS, headers=origin(page, **PREFLIGHT))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert "EVENTRAIL_QUERY_API_CORS_ORIGINS" in answer.json()["error"]["message"]
    assert cors_headers(answer) == set()
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("page", IN)
async def test_a_listed_page_may_read_answers_and_errors(sharing: httpx.AsyncClient, page: str) -> None:
    for path, status in ((EVENTS, 200), (EVENTS + "?x=1", 400), ("/api/nothing", 404)):
        answer = await sharing.get(path, headers=origin(page))
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == page
        assert cors_headers(answer) == {"access-control-allow-origin", "access-control-expose-headers"}
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert set(exposed) >= {
            "Retry-After",
            "RateLimit",
            "RateLimit-Policy",
            "Eventrail-Cursor",
            "Eventrail-Next-Cursor",
        }
        assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("page", OUT)
async def test_another_page_gets_an_answer_that_its_browser_keeps_from_it(
    sharing: httpx.AsyncClient, page: str
) -> None:
    answer = await sharing.get(EVENTS, headers=origin(page))
    assert answer.status_code == 200
    assert cors_headers(answer) == set()
    assert answer.headers["vary"] == "Origin"


async def test_who_is_no_page_gets_none_of_it_but_caches_are_told(sharing: httpx.AsyncClient) -> None:
    answer = await sharing.get(EVENTS)
    assert cors_headers(answer) == set()
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz"])
async def test_what_is_for_operators_is_for_no_page(sharing: httpx.AsyncClient, path: str) -> None:
    read = await sharing.get(path, headers=origin(IN[0]))
    asked = await sharing.options(path, headers=origin(IN[0], **PREFLIGHT))
    assert (read.status_code, asked.status_code) == (200, 405)
    assert cors_headers(read) == cors_headers(asked) == set()


async def test_options_that_are_no_preflight_are_405(sharing: httpx.AsyncClient) -> None:
    for headers in (origin(IN[0]), [(b"access-control-request-method", b"GET")]):
        assert (await sharing.options(EVENTS, headers=headers)).status_code == 405


async def test_without_the_setting_no_page_of_another_origin_may_read(client: httpx.AsyncClient) -> None:
    for page in IN:
        assert cors_headers(await client.get(EVENTS, headers=origin(page))) == set()
        assert (await client.options(EVENTS, headers=origin(page, **PREFLIGHT))).status_code == 403


async def test_preflights_are_counted(sharing: httpx.AsyncClient, catalogue: Metrics) -> None:
    await sharing.options(EVENTS, headers=origin(IN[0], **PREFLIGHT))
    labels = {"route": "other", "status": "204"}
    assert catalogue.registry.get_sample_value("eventrail_query_api_requests_total", labels) == 1


def test_origins_are_read_as_browsers_write_them() -> None:
    assert parse_origins(" HTTPS://Admin.Example:443 ,, https://münchen.example") == (
        "https://admin.example",
        "https://xn--mnchen-3ya.example",
    )
    assert parse_origins("") == ()


@pytest.mark.parametrize(
    "text", ["*", "admin.example", "https://admin.example/x", "https://a,b", "null", "https://*"]
)
def test_what_is_no_origin_is_told_at_the_start(text: str) -> None:
    with pytest.raises(ValidationError):
        QueryApiSettings(cors_origins=text)
