"""What clients may send, as data: each case of wire_cases*.json goes over HTTP to the topic.

What is sent: `method` (POST), `path` (both of collect), `headers` (application/json where they name no content-type),
and as the body one of `send` (JSON), `raw` (bytes as Latin-1), `base64`; `pad` fills it with spaces to so many
bytes, `gzip` packs it into so many streams. `failing` are partitions that store nothing; the topic has three.

What is answered: `status`; with 202 `stored` (some fields of each event on the topic, in the order of the receipt;
`screen` and `utm` as lists), `adjusted` (fields) and `adjusted_at` (indexes); else `code`, `field`, `says` (a part
of the message); with both `ignored`, `rejected` ([index, code, field]), `retry` (of each rejected), `answer_headers`.
"""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import httpx

from eventrail.contract.v1.raw_pb2 import RawEvent

Case = dict[str, Any]

CASES: list[Case] = [
    case
    for file in sorted(Path(__file__).parent.glob("wire_cases*.json"))
    for case in json.loads(file.read_text(encoding="utf-8"))
]


def value_of(event: RawEvent, name: str) -> Any:
    """What `stored` calls `name`."""
    match name:
        case "screen":
            return [event.screen.width, event.screen.height] if event.HasField("screen") else None
        case "utm":
            utm = event.campaign
            return [utm.source, utm.medium, utm.campaign, utm.term, utm.content]
        case _:
            return getattr(event, name)


def body_of(case: Case) -> bytes:
    body = _plain(case).ljust(case.get("pad", 0))
    streams = case.get("gzip", 0)
    if not streams:
        return body
    size = len(body) // streams + 1
    return b"".join(gzip.compress(body[n * size : (n + 1) * size], mtime=0) for n in range(streams))


def _plain(case: Case) -> bytes:
    if "base64" in case:
        return base64.b64decode(case["base64"])
    if "raw" in case:
        return str(case["raw"]).encode("latin-1")
    return json.dumps(case["send"], ensure_ascii=False).encode() if "send" in case else b""


async def send(http: httpx.AsyncClient, case: Case, path: str) -> httpx.Response:
    headers = {"content-type": "application/json"} | case.get("headers", {})
    url = f"{str(http.base_url).rstrip('/')}{path}"  # joined by hand: //e would be taken for a host
    return await http.request(case.get("method", "POST"), url, content=body_of(case), headers=headers)
