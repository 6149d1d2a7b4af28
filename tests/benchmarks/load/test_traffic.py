import json
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from benchmarks.load.traffic import WEBSITES, Traffic
from collector.payload import reading, rules
from collector.payload.members import Member

NOW = 1_794_000_000_000
DAY = 86_400_000


def body_of(request: bytes) -> Any:
    head, _, body = request.partition(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    assert [int(line.partition(b":")[2]) for line in lengths] == [len(body)]
    return json.loads(body)


def sent(batch: int, requests: int, seed: int = 1) -> tuple[Traffic, list[list[dict[str, Any]]]]:
    traffic = Traffic(batch, seed, "127.0.0.1:8400")
    bodies = [body_of(traffic.request(NOW + number)) for number in range(requests)]
    return traffic, [body if isinstance(body, list) else [body] for body in bodies]


@pytest.mark.parametrize("batch", [1, 10, 50])
def test_each_request_has_its_batch_and_every_event_keeps_the_collectors_rules(batch: int) -> None:
    traffic = Traffic(batch, 1, "x")
    for number in range(40):
        _, _, body = traffic.request(NOW + number).partition(b"\r\n\r\n")
        found = reading.read(body)
        assert len(found.members) == batch
        assert not found.unknown
        for member in found.members:
            assert isinstance(member, Member)
            assert rules.judge(member).event_id


def test_the_same_seed_sends_the_same() -> None:
    one = sent(1, 50)[1]
    assert sent(1, 50)[1] == one
    assert sent(1, 50, seed=2)[1] != one


def test_two_in_a_hundred_are_repeats_half_of_them_of_old_events() -> None:
    traffic, bodies = sent(1, 40_000)
    counts = Counter((event["event_id"], event["timestamp"]) for [event] in bodies)
    assert traffic.fresh == len(counts)
    assert all(UUID(event_id).version == 7 for event_id, _ in list(counts)[:100])
    old = sum(count for (_, at), count in counts.items() if at < NOW - DAY)
    assert 0.005 < old / len(bodies) < 0.015
    recent = sum(count - 1 for (_, at), count in counts.items() if at >= NOW)
    assert 0.005 < recent / len(bodies) < 0.015


def test_one_website_of_many_has_a_tenth_and_six_kinds_are_sent() -> None:
    _, bodies = sent(1, 20_000)
    websites = Counter(event["website_id"] for [event] in bodies)
    assert 0.08 < websites["site-0"] / len(bodies) < 0.12
    assert WEBSITES * 0.8 < len(websites) <= WEBSITES
    assert len({event["event_name"] for [event] in bodies}) == 6


def test_more_visitors_than_are_kept_come_again_as_they_were() -> None:
    def senders(seed: int) -> set[bytes]:
        traffic = Traffic(1, seed, "x", visitors=100_000)
        heads = (traffic.request(NOW).partition(b"Content-Length: ")[0] for _ in range(3_000))
        return set(heads)

    assert len(senders(1)) > 2_800
    assert senders(1) == senders(1)
