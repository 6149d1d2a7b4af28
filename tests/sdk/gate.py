"""What stands between the browser and the stack: the network and its faults, and a site of another origin."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
from starlette.types import Receive, Scope, Send

Weather = Literal["fine", "away", "answer lost", "503", "429", "slow"]


async def answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


@dataclass
class Gate:
    """The collector as the browser reaches it. `weather` is that of the next requests with events."""

    collector: str
    client: httpx.AsyncClient
    weather: Weather = "fine"
    retry_after_s: int = 1
    """What "503" and "429" ask for."""
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, it ends the waiting of "slow"."""
    batches: list[list[dict[str, Any]]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """When the batches came, on the loop's clock."""
    preflights: int = 0
    passed: set[str] = field(default_factory=set)
    """What `arrivals` counts, as far as the collector has answered."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body = await _body(receive)
        self.preflights += scope["method"] == "OPTIONS"
        if scope["method"] == "POST":
            self.batches.append(json.loads(body))
            self.times.append(asyncio.get_running_loop().time())
            await self._events(headers, body, send)
        else:
            await self._forward(scope["method"], scope["path"], headers, body, send)

    async def _events(self, headers: dict[str, str], body: bytes, send: Send) -> None:
        weather = self.weather
        if weather == "slow":
            await self.let_go.wait()
        if weather in ("fine", "slow"):
            await self._forward("POST", "/api/collect", headers, body, send)
        elif weather in ("503", "429"):
            await self._refuse(int(weather), headers.get("origin", "*"), len(json.loads(body)), send)
        else:
            if weather == "answer lost":
                await self._pass("POST", "/api/collect", headers, body)
            # Without the headers of CORS the page learns nothing but that it failed.
            await answer(send, 502, {"content-length": "0"}, b"")

    async def _refuse(self, status: int, origin: str, count: int, send: Send) -> None:
        """As docs/collect.md describes it."""
        code = {503: "unavailable", 429: "rate_limited"}[status]
        entry = {"code": code, "message": "m", "field": None, "retry": True}
        body = {
            "error": {"code": code, "message": "m"},
            "rejected": [{"index": n, **entry} for n in range(count)],
        }
        headers = {
            "content-type": "application/json",
            "retry-after": str(self.retry_after_s),
            "access-control-allow-origin": origin,
            "access-control-expose-headers": "Retry-After",
        }
        await answer(send, status, headers, json.dumps(body).encode())

    async def _pass(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        kept = {
            name: value
            for name, value in headers.items()
            if name not in ("host", "connection", "content-length")
        }
        got = await self.client.request(method, self.collector + path, headers=kept, content=body)
        if method == "POST":
            self.passed |= _counted([json.loads(body)]).keys()
        return got

    async def _forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes, send: Send
    ) -> None:
        got = await self._pass(method, path, headers | {"accept-encoding": "identity"}, body)
        await answer(send, got.status_code, dict(got.headers), got.content)

    def arrivals(self) -> Counter[str]:
        """How often each custom event arrived, by what its properties say in `n`, else by its name."""
        return _counted(self.batches)


def _counted(batches: list[list[dict[str, Any]]]) -> Counter[str]:
    return Counter(
        str(event.get("event_data", {}).get("n", event["event_name"]))
        for batch in batches
        for event in batch
        if event["event_type"] == "custom"
    )


PAGE = (
    """<!doctype html>
<html lang="en">
<title>{path}</title>
<script defer src="{script}" data-website-id="{website}" {attributes}></script>
<script defer src="/page.js"></script>
<button id="buy">Buy</button>
<form id="order" name="cart" action="/thanks"><input name="id" value="secret"><button id="send">Send</button></form>
<a id="next" href="/next">Next</a>
<a id="out" href="{script}" target="_blank">Out</a>
"""
    + "<br>" * 200
)
PAGE_SCRIPT = b"""
document.querySelector("#buy").addEventListener("click", () => {
  window.sparklytics?.track("purchase", { plan: "pro", amount: 49.99, currency: "USD" })
})
"""


@dataclass
class Site:
    """A site whose pages have the script; `csp` is their Content-Security-Policy."""

    script: str
    website: str
    attributes: str = ""
    csp: str = ""
    page: str = PAGE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/page.js":
            await answer(send, 200, {"content-type": "text/javascript"}, PAGE_SCRIPT)
            return
        words = {
            "path": scope["path"],
            "script": self.script,
            "website": self.website,
            "attributes": self.attributes,
        }
        text = self.page
        for name, value in words.items():
            text = text.replace(f"{{{name}}}", value)
        headers = {"content-type": "text/html; charset=utf-8"}
        if self.csp:
            headers["content-security-policy"] = self.csp
        await answer(send, 200, headers, text.encode())


async def _body(receive: Receive) -> bytes:
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)
