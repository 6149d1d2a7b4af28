"""Each case of the table in wire_cases*.json (see wire.py) goes over HTTP to the topic of a collector in memory."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from collector.sinks.memory import MemorySink
from eventrail import tokens
from eventrail.contract.v1.raw_pb2 import RawEvent
from tests.collector.wire import CASES, Case, send, value_of

BOTH = ("/api/collect", "/e")
SENDINGS = [(case, path) for case in CASES for path in ([case["path"]] if "path" in case else BOTH)]


@pytest.mark.parametrize(
    ("case", "path"), SENDINGS, ids=[f"{case['name']} at {path}" for case, path in SENDINGS]
)
async def test_wire_case(
    case: Case, path: str, http: httpx.AsyncClient, sink: MemorySink, published: Callable[[], list[RawEvent]]
) -> None:
    sink.refuse = dict.fromkeys(case.get("failing", []), "Kafka did not acknowledge in time")
    answer = await send(http, case, path)
    assert answer.status_code == case["status"], answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers.items() >= case.get("answer_headers", {}).items()
    if case.get("method") == "HEAD":
        return
    body = answer.json()
    assert body.get("ignored_fields", []) == case.get("ignored", [])
    assert_rejected(case, body)
    if case["status"] == 202:
        assert_accepted(case, body, {event.event_id: event for event in published()})
        assert tokens.decode(body["token"]) == {
            number: len(chunks) - 1 for number, chunks in sink.chunks.items()
        }
    else:
        assert_refused(case, body)
        assert published() == []


def assert_rejected(case: Case, body: dict[str, Any]) -> None:
    entries = body["rejected"]
    if "rejected" in case or case["status"] == 202:
        found = [[entry["index"], entry["code"], entry["field"]] for entry in entries]
        assert found == case.get("rejected", [])
    if "retry" in case:
        assert [entry["retry"] for entry in entries] == case["retry"]
    assert [len(entry["event_id"]) for entry in entries if entry["code"] == "unavailable"] == [
        36 for entry in entries if entry["retry"] and entry["code"] == "unavailable"
    ]


def assert_accepted(case: Case, body: dict[str, Any], stored: dict[str, RawEvent]) -> None:
    assert (body["ok"], body["accepted"], body["durability"]) == (True, len(stored), "broker")
    assert len(body["event_ids"]) == len(case["stored"]) == len(stored)
    adjusted = body.get("adjusted", [])
    assert [entry["field"] for entry in adjusted] == case.get("adjusted", [])
    assert [entry["index"] for entry in adjusted] == case.get("adjusted_at", [0] * len(adjusted))
    for event_id, expected in zip(body["event_ids"], case["stored"], strict=True):
        assert {name: value_of(stored[event_id], name) for name in expected} == expected


def assert_refused(case: Case, body: dict[str, Any]) -> None:
    assert set(body) <= {"error", "rejected", "event_ids", "ignored_fields"}
    assert (body["error"]["code"], body["error"]["field"]) == (case["code"], case["field"])
    assert case.get("says", "") in body["error"]["message"]
    away = [entry["event_id"] for entry in body["rejected"] if entry["code"] == "unavailable"]
    assert body.get("event_ids", []) == away


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES) >= 150
