"""Who may send, as data: each case of access_cases.json goes over HTTP to a collector with access.yaml.

A case has `name`, `send` (JSON), `headers`, `status`; with 202 `stored` (some fields of each event on the topic, in the
order of the receipt, `address` decrypted) and `ignored`; else `code`, `field`, `says` (a part of the message); with
both `rejected` ([index, code, field]), `retry` (of each rejected) and `answer_headers`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from collector.app import Application, make_app, make_health, make_intake
from collector.metrics import Metrics
from collector.settings import CollectorSettings
from collector.sinks.memory import MemorySink
from eventrail.clock import ManualClock
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.sealing import AddressOpener
from eventrail.websites.watching import WebsitesFile

Case = dict[str, Any]

CASES: list[Case] = json.loads(Path(__file__).with_name("access_cases.json").read_text(encoding="utf-8"))
KEYS = {"k1": b"k" * 32}


@pytest.fixture
def app(settings: CollectorSettings, sink: MemorySink, metrics: Metrics, clock: ManualClock) -> Application:
    websites = WebsitesFile(Path(__file__).with_name("access.yaml"))
    intake = make_intake(b"s" * 32, KEYS, settings, websites=websites)
    return make_app(settings, intake, sink, make_health(sink, lambda: None, websites), metrics, clock)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_access(case: Case, http: httpx.AsyncClient, published: Callable[[], list[RawEvent]]) -> None:
    headers = {"user-agent": "test agent", **case.get("headers", {})}
    answer = await http.post("/e", json=case["send"], headers=headers)
    body = answer.json()
    assert answer.status_code == case["status"], body
    assert answer.headers.items() >= case.get("answer_headers", {}).items()
    assert body.get("ignored_fields", []) == case.get("ignored", [])
    rejected = [[entry["index"], entry["code"], entry["field"]] for entry in body["rejected"]]
    if case["status"] == 202 or "rejected" in case:
        assert rejected == case.get("rejected", [])
    if "retry" in case:
        assert [entry["retry"] for entry in body["rejected"]] == case["retry"]
    if case["status"] == 202:
        assert_stored(case, body, {event.event_id: event for event in published()})
    else:
        assert (body["error"]["code"], body["error"]["field"]) == (case["code"], case["field"])
        assert case.get("says", "") in body["error"]["message"]
        assert published() == []


def assert_stored(case: Case, body: dict[str, Any], stored: dict[str, RawEvent]) -> None:
    assert len(body["event_ids"]) == len(case["stored"]) == len(stored)
    for event_id, expected in zip(body["event_ids"], case["stored"], strict=True):
        assert {name: value_of(stored[event_id], name) for name in expected} == expected


def value_of(event: RawEvent, name: str) -> Any:
    if name == "address":
        return str(AddressOpener(KEYS).open(event.client_address))
    return getattr(event, name)


async def test_nobody_is_told_a_key_or_an_address(http: httpx.AsyncClient) -> None:
    for case in CASES:
        answer = await http.post("/e", json=case["send"], headers=case.get("headers", {}))
        assert "evk_" not in answer.text
        assert "198.51.100" not in answer.text


async def test_an_open_stack_ignores_keys_and_what_is_sent_on_behalf(
    settings: CollectorSettings, sink: MemorySink, metrics: Metrics, clock: ManualClock
) -> None:
    intake = make_intake(b"s" * 32, KEYS, settings)
    app = make_app(settings, intake, sink, make_health(sink, lambda: None), metrics, clock)
    event = {"website_id": "any", "type": "event", "event_name": "a", "client_ip": "198.51.100.9"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector") as http:
        answer = await http.post("/e", json=event, headers={"authorization": "Bearer evk_shop"})
    assert answer.status_code == 202
    assert answer.json()["ignored_fields"] == ["client_ip"]


async def test_the_setting_honours_privacy_signals_in_an_open_stack(
    sink: MemorySink, metrics: Metrics, clock: ManualClock, published: Callable[[], list[RawEvent]]
) -> None:
    settings = CollectorSettings(privacy_signals="honor")
    intake = make_intake(b"s" * 32, KEYS, settings)
    app = make_app(settings, intake, sink, make_health(sink, lambda: None), metrics, clock)
    event = {"website_id": "any", "type": "event", "event_name": "a", "visitor_id": "v"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector") as http:
        answer = await http.post("/e", json=event, headers={"sec-gpc": "1"})
    assert answer.json()["ignored_fields"] == ["visitor_id"]
    assert [(stored.without_visitor, stored.visitor_id) for stored in published()] == [(True, "")]


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES) >= 60
