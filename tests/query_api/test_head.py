import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from query_api.head import HeadAsGet


def method(request: Request) -> JSONResponse:
    return JSONResponse({"method": request.method})


def stream(_request: Request) -> StreamingResponse:
    return StreamingResponse(iter([b"one", b"two"]))


APP = HeadAsGet(Starlette(routes=[Route("/", method, methods=["GET", "POST"]), Route("/stream", stream)]))


async def ask(verb: str, path: str = "/") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=APP), base_url="http://x") as client:
        return await client.request(verb, path)


async def test_head_has_the_headers_of_get_and_no_body() -> None:
    get, head = await ask("GET"), await ask("HEAD")
    assert get.json() == {"method": "GET"}
    assert head.content == b""
    assert head.headers == get.headers


async def test_a_streamed_body_is_swallowed_whole() -> None:
    assert (await ask("GET", "/stream")).content == b"onetwo"
    assert (await ask("HEAD", "/stream")).content == b""


async def test_other_methods_pass_unchanged() -> None:
    assert (await ask("POST")).json() == {"method": "POST"}
