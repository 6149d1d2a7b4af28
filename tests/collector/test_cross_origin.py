"""Cross-origin requests: every answer is readable by the page that asked, and preflights are short."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import cross_origin
from collector.sinks.memory import MemorySink

ORIGIN = "https://shop.example"
EVENT = {"website_id": "shop", "type": "event", "event_name": "a"}


def assert_readable(answer: httpx.Response, origin: str = ORIGIN) -> None:
    assert answer.headers.get_list("access-control-allow-origin") == [origin]
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "Origin" in answer.headers["vary"]
    exposed = answer.headers["access-control-expose-headers"]
    assert {"Retry-After", "RateLimit", "RateLimit-Policy"} <= set(exposed.split(", "))


@pytest.mark.parametrize("origin", [ORIGIN, "null", "http://localhost:3000", "https://[2001:db8::1]:8443"])
async def test_a_receipt_is_readable_from_any_page(http: httpx.AsyncClient, origin: str) -> None:
    answer = await http.post("/api/collect", json=EVENT, headers={"origin": origin})
    assert answer.status_code == 202
    assert_readable(answer, origin)


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/api/collect", b"{", 400),
        ("POST", "/e", b"x" * 102_401, 413),
        ("POST", "/nope", b"", 404),
        ("GET", "/nope", b"", 404),
        ("GET", "/api/collect", b"", 405),
        ("POST", "/docs", b"", 405),
        ("GET", "/openapi.json", b"", 200),
    ],
)
async def test_so_is_every_other_answer(
    http: httpx.AsyncClient, method: str, path: str, content: bytes, status: int
) -> None:
    answer = await http.request(method, path, content=content, headers={"origin": ORIGIN})
    assert answer.status_code == status
    assert_readable(answer)


async def test_so_is_unavailable(http: httpx.AsyncClient, sink: MemorySink) -> None:
    sink.refuse = dict.fromkeys(range(3), "Kafka is away")
    answer = await http.post("/e", json=EVENT, headers={"origin": ORIGIN})
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert_readable(answer)


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz"])
async def test_what_is_for_operators_is_not_for_pages(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path, headers={"origin": ORIGIN})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


async def test_without_an_origin_nothing_is_added(http: httpx.AsyncClient) -> None:
    answer = await http.post("/e", json=EVENT)
    assert not [name for name in answer.headers if name.startswith("access-control") or name == "vary"]


def preflight(**headers: str) -> dict[str, str]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"origin": ORIGIN, "access-control-request-method": "POST", **given}


@pytest.mark.parametrize("path", ["/api/collect", "/e", "/nope", "/docs"])
async def test_a_preflight_is_allowed_and_kept_for_a_day(http: httpx.AsyncClient, path: str) -> None:
    asked = "content-type, content-encoding,authorization"
    answer = await http.options(path, headers=preflight(access_control_request_headers=asked))
    assert (answer.status_code, answer.content) == (204, b"")
    assert_readable(answer)
    assert answer.headers["access-control-allow-methods"] == "POST, OPTIONS"
    assert answer.headers["access-control-allow-headers"] == asked
    assert answer.headers["access-control-max-age"] == "86400"
    assert "access-control-allow-private-network" not in answer.headers


async def test_a_private_network_may_be_asked_for(http: httpx.AsyncClient) -> None:
    answer = await http.options("/e", headers=preflight(access_control_request_private_network="true"))
    assert answer.headers["access-control-allow-private-network"] == "true"


@pytest.mark.parametrize("asked", ["", "a b", "a,,b", "ä", "x" * 65, ",".join(["x-a"] * 65), "a;b", "a: b"])
async def test_a_list_that_is_none_gets_the_usual_headers(http: httpx.AsyncClient, asked: str) -> None:
    headers = preflight() | {"access-control-request-headers": asked.encode().decode("latin-1")}
    answer = await http.options(
        "/e", headers={name.encode(): value.encode("latin-1") for name, value in headers.items()}
    )
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-headers"] == "content-type, content-encoding, authorization"


@pytest.mark.parametrize("path", ["/api/collect", "/e"])
async def test_plain_options_tell_the_methods(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.options(path)
    assert (answer.status_code, answer.headers["allow"]) == (204, "POST, OPTIONS")
    assert "access-control-allow-origin" not in answer.headers


@given(st.binary(max_size=600))
def test_what_is_mirrored_can_end_no_header(origin: bytes) -> None:
    for name, value in cross_origin.answer_headers(origin):
        assert not set(value) & set(b"\r\n\0")
        assert name.islower()


@pytest.mark.parametrize("origin", [b"", b"a b", b"https://a\r\nset-cookie: x", b"\xff", b"x" * 513])
async def test_what_no_browser_writes_is_not_mirrored(origin: bytes) -> None:
    assert cross_origin.answer_headers(origin) == []
