from collections.abc import Callable

import httpx
import pytest

from eventrail_client.delivery import NoAnswer
from eventrail_client.events import Event
from eventrail_client.posting import post, post_async
from eventrail_client.receipts import Answer

BATCH = [Event("id", "a", b'{"a":1')]
URL = "http://collector/api/collect"


def busy(request: httpx.Request) -> httpx.Response:
    assert request.content.startswith(b'[{"a":1,"sent_at":')
    return httpx.Response(503, headers={"Retry-After": "7"}, content=b"later")


def failing(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectTimeout("too slow")


def broken(request: httpx.Request) -> httpx.Response:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("handler", "answer"),
    [
        (busy, Answer(503, 7.0, b"later")),
        (failing, NoAnswer("no answer from the collector (ConnectTimeout: too slow)")),
        (broken, NoAnswer("no answer from the collector (ZeroDivisionError: )")),
    ],
)
async def test_whatever_comes_back_or_does_not_is_an_answer(
    handler: Callable[[httpx.Request], httpx.Response], answer: Answer | NoAnswer
) -> None:
    with httpx.Client(transport=httpx.MockTransport(handler)) as http:
        assert post(http, URL, BATCH) == answer
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as http_async:
        assert await post_async(http_async, URL, BATCH) == answer
