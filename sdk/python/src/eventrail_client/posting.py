"""The door to the collector: a request goes out, and whatever comes back or does not is an answer."""

import encodings.idna  # noqa: F401 - a host's name asks for it, in a thread that a fork may cut off while it imports
import time
from collections.abc import Sequence

import httpx

from eventrail_client import backoff, wire
from eventrail_client.delivery import NoAnswer
from eventrail_client.events import Event
from eventrail_client.receipts import Answer


def now_ms() -> int:
    """Unix milliseconds by this machine's clock."""
    return time.time_ns() // 1_000_000


def post(http: httpx.Client, endpoint: str, batch: Sequence[Event]) -> Answer | NoAnswer:
    """Send `batch` and wait for the answer, as long as the timeout of `http` allows; raises nothing."""
    try:
        return _answer(http.post(endpoint, content=wire.body(batch, now_ms())))
    except Exception as error:  # whatever it is, the events are kept and their client goes on
        return _no_answer(error)


async def post_async(http: httpx.AsyncClient, endpoint: str, batch: Sequence[Event]) -> Answer | NoAnswer:
    """As `post`."""
    try:
        return _answer(await http.post(endpoint, content=wire.body(batch, now_ms())))
    except Exception as error:  # whatever it is, the events are kept and their client goes on
        return _no_answer(error)


def _answer(response: httpx.Response) -> Answer:
    asked = backoff.retry_after(response.headers.get("retry-after"), time.time())
    return Answer(response.status_code, asked, response.content)


def _no_answer(error: Exception) -> NoAnswer:
    return NoAnswer(f"no answer from the collector ({type(error).__name__}: {error})")
