"""The wire cases once more, through the real process, real sockets and a real broker.

Left out is what depends on the collector's clock or on a partition that fails: these need a collector in memory.
"""

import asyncio
import json

import pytest

from eventrail import tokens
from eventrail.contract import topics
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.kafka.admin import create_topics
from eventrail.settings import KafkaSettings
from tests.collector.test_process import Start, read_topic, start
from tests.collector.wire import CASES, Case, send, value_of

__all__ = ["start"]

CLOCK = ('"timestamp', '"sent_at', '"event_id')


def needs_memory(case: Case) -> bool:
    text = json.dumps([case.get("send"), case.get("raw")]).replace("\\", "")
    return "failing" in case or any(name in text for name in CLOCK)


SELECTED = [case for case in CASES if not needs_memory(case)]


@pytest.mark.stack
async def test_the_wire_cases_hold_over_real_sockets(kafka: str, start: Start) -> None:
    assert len(SELECTED) >= 150
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), topics.ALL)
    collector = start(EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS=kafka)
    await collector.until("/readyz", lambda answer: answer["checks"]["kafka"] == "ok")
    expected: dict[str, dict[str, object]] = {}
    for case in SELECTED:
        answer = await send(collector.http, case, case.get("path", "/api/collect"))
        assert answer.status_code == case["status"], (case["name"], answer.text)
        assert answer.headers.items() >= case.get("answer_headers", {}).items()
        if case["status"] == 202:
            assert tokens.decode(answer.json()["token"])
            expected |= zip(answer.json()["event_ids"], case["stored"], strict=True)
        elif case.get("method") != "HEAD":
            assert answer.json()["error"]["code"] == case["code"], case["name"]
    stored = await read_topic(kafka, set(expected))
    for event_id, fields in expected.items():
        assert_stored(stored[event_id], fields)
    assert '"level": "error"' not in await asyncio.to_thread(collector.log)


def assert_stored(event: RawEvent, fields: dict[str, object]) -> None:
    assert {name: value_of(event, name) for name in fields} == fields
