"""What clients may send, as data: each case of wire_cases.json goes over HTTP to the topic.

A case has `send` (JSON) or `raw` (bytes as Latin-1), and of the answer `status`, then `stored` (some fields
of each event on the topic), `ignored`, `adjusted`, `rejected` ([index, code, field]), or `code`, `field`, `says`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventrail.contract.v1.raw_pb2 import RawEvent

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("wire_cases.json").read_text(encoding="utf-8")
)


def as_bytes(case: dict[str, Any]) -> bytes:
    if "raw" in case:
        return str(case["raw"]).encode("latin-1")
    return json.dumps(case["send"]).encode()


@pytest.mark.parametrize("path", ["/api/collect", "/e"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_wire_case(
    case: dict[str, Any], path: str, http: httpx.AsyncClient, published: Callable[[], list[RawEvent]]
) -> None:
    headers = {"content-type": case.get("content_type", "application/json")}
    answer = await http.post(path, content=as_bytes(case), headers=headers)
    body = answer.json()
    assert answer.status_code == case["status"], body
    assert answer.headers["content-type"] == "application/json"
    found = [[entry["index"], entry["code"], entry["field"]] for entry in body["rejected"]]
    if "rejected" in case:
        assert found == case["rejected"]
    if case["status"] == 202:
        assert_accepted(case, body, published())
    else:
        assert_refused(case, body)
        assert published() == []


def assert_accepted(case: dict[str, Any], body: dict[str, Any], stored: list[RawEvent]) -> None:
    assert (body["ok"], body["accepted"]) == (True, len(stored))
    assert sorted(body["event_ids"]) == [event.event_id for event in stored]
    assert body.get("ignored_fields", []) == case.get("ignored", [])
    assert [entry["field"] for entry in body.get("adjusted", [])] == case.get("adjusted", [])
    assert len(stored) == len(case["stored"])
    for event, expected in zip(stored, case["stored"], strict=True):
        assert {name: getattr(event, name) for name in expected} == expected


def assert_refused(case: dict[str, Any], body: dict[str, Any]) -> None:
    assert set(body) <= {"error", "rejected", "ignored_fields"}
    assert (body["error"]["code"], body["error"]["field"]) == (case["code"], case["field"])
    assert case.get("says", "") in body["error"]["message"]


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES) >= 90
