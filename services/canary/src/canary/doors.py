"""The two public doors of an installation, as a client meets them: one request, one outcome, no retries."""

from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec

from eventrail import __version__

EVENT_NAME: Final = "canary"
ROWS: Final = 1000
"""Most rows that one answer has (docs/api-rows.md)."""

_ACCEPTED: Final = 202
_OK: Final = 200
_SHOWN: Final = 200


class Unreachable(Exception):
    """No answer came in time."""


class Refused(Exception):
    """An answer came that is not the one that was hoped for; its text says which."""


def client(timeout_seconds: float) -> httpx.AsyncClient:
    """An HTTP client whose every request ends within `timeout_seconds` for each step of it."""
    return httpx.AsyncClient(
        timeout=timeout_seconds,
        headers={"User-Agent": f"eventrail-canary/{__version__}"},
        follow_redirects=False,
    )


class Collector:
    """The collector at `url`, for events of `website`; `process` is a text that no other canary has."""

    def __init__(self, http: httpx.AsyncClient, url: str, website: str, process: str) -> None:
        self._http = http
        self._address = f"{url.rstrip('/')}/api/collect"
        self._website = website
        self._process = process

    async def send(self, number: int) -> str:
        """Send one event; returns its id once it is accepted. Raises Unreachable or Refused."""
        event = {
            "website_id": self._website,
            "event_type": "custom",
            "event_name": EVENT_NAME,
            "event_data": {"process": self._process, "number": number},
        }
        answer = await _answered(self._http.post(self._address, json=event))
        receipt = _read(answer, _ACCEPTED)
        ids = receipt.get("event_ids")
        if not isinstance(ids, list) or len(ids) != 1 or not isinstance(ids[0], str):
            raise Refused(f"a receipt without one event id: {answer.text[:_SHOWN]}")
        return ids[0]


class QueryApi:
    """The query API at `url`, for rows of `process` at `website`; `key` is sent where it is not empty."""

    def __init__(self, http: httpx.AsyncClient, url: str, website: str, process: str, key: str) -> None:
        self._http = http
        self._process = process
        self._address = f"{url.rstrip('/')}/api/websites/{quote(website, safe='')}/events/rows"
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def newest(self, limit: int) -> list[str]:
        """Ids of the newest `limit` (at most ROWS) events in the answer. Raises Unreachable or Refused."""
        asked = {
            "event_name": EVENT_NAME,
            "prop.process": self._process,
            "include_bots": "true",
            "limit": str(min(limit, ROWS)),
        }
        answer = await _answered(self._http.get(self._address, params=asked, headers=self._headers))
        rows = _read(answer, _OK).get("data")
        if not isinstance(rows, list) or not all(isinstance(row, dict) and "event_id" in row for row in rows):
            raise Refused(f"an answer without rows: {answer.text[:_SHOWN]}")
        return [row["event_id"] for row in rows]


async def _answered(request: Any) -> httpx.Response:
    try:
        answer: httpx.Response = await request
    except httpx.HTTPError as error:
        raise Unreachable(f"{type(error).__name__}: {error}") from error
    return answer


def _read(answer: httpx.Response, wanted: int) -> dict[str, Any]:
    if answer.status_code != wanted:
        raise Refused(f"{answer.request.url} answered {answer.status_code}: {answer.text[:_SHOWN]}")
    try:
        read = msgspec.json.decode(answer.content)
    except msgspec.DecodeError as error:
        raise Refused(f"{answer.request.url} answered no JSON: {error}") from error
    if not isinstance(read, dict):
        raise Refused(f"{answer.request.url} answered no JSON object: {answer.text[:_SHOWN]}")
    return read
