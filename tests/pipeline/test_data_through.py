"""Read your own writes, and up to when the answers are complete, through the whole stack."""

import time
from functools import partial
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from eventrail.clock import SystemClock
from eventrail.contract.codec import rfc3339
from eventrail.settings import KafkaSettings
from query_api.metrics import Metrics
from query_api.progress.kafka import Sources, surveyor
from query_api.progress.token import ask_token
from query_api.progress.tracked import TrackedProgress
from query_api.progress.watching import watching
from tests.pipeline.river import River, until

pytestmark = pytest.mark.stack

EVENT = {"website_id": "", "event_type": "custom", "event_name": "signup"}


async def lag(river: River) -> Any:
    answer = await river.query_api.get("/api/pipeline/lag")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_what_was_accepted_before_data_through_is_in_the_answers(river: River, website: str) -> None:
    receipt = await river.post({**EVENT, "website_id": website})
    assert receipt.status_code == 202
    accepted = rfc3339(time.time_ns() // 1_000_000)
    told = await until(partial(lag, river), lambda found: (found["data_through"] or "") > accepted)
    assert await river.counts(website) == {"signup": 1}
    assert (told["held_by"], told["spools"]) == ([], [])
    assert len(told["enricher"]["partitions"]) == len(told["writer"]["partitions"]) == 8


async def test_the_events_of_a_token_are_readable_once_it_is_settled(river: River, website: str) -> None:
    kafka, clock = KafkaSettings(kafka_bootstrap_servers=river.kafka), SystemClock()
    progress = TrackedProgress(clock)
    connect = partial(surveyor, kafka, Sources(), clock)
    async with watching(progress, connect, 0.1, Metrics(CollectorRegistry())):
        receipt = await river.post([{**EVENT, "website_id": website} for _ in range(50)])
        offsets = ask_token(receipt.json()["token"])
        assert not await progress.wait_for(offsets, 0)
        assert await progress.wait_for(offsets, 30)
        assert await river.counts(website) == {"signup": 50}
