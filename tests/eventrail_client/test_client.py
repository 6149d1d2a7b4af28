"""The client with a thread, against the collector's application over real sockets."""

import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from collector.settings import CollectorSettings
from eventrail_client import Client, Options, Refusal
from tests.eventrail_client.collector import Fault, FaultyCollector, collecting

LONG = Options(max_age=60)


@pytest.mark.parametrize("fault", Fault)
def test_an_event_arrives_once_whatever_the_first_try_meets(
    collector: FaultyCollector, quick: Options, fault: Fault
) -> None:
    collector.faults.append(fault)
    with Client(collector.url, "shop", options=quick) as client:
        event_id = client.track("purchase", {"plan": "pro"}, visitor_id="u-1")
        assert client.flush(within=20)
        assert event_id is not None
        assert collector.tries() == {event_id: 2}
        assert client.counts.accepted == 1
    one, *others = {event.SerializeToString(): event for event in collector.stored()}.values()
    assert (one.event_id, one.event_name, one.visitor_id, one.event_data) == (
        event_id, "purchase", "u-1", '{"plan":"pro"}',
    )  # fmt: skip
    # A copy has the same identity: the table and every answer take it for the same event.
    assert {(other.event_id, other.identity_day) for other in others} <= {(one.event_id, one.identity_day)}


def test_many_events_from_many_threads_all_arrive_over_a_bad_line(
    collector: FaultyCollector, quick: Options
) -> None:
    collector.faults.extend([*Fault] * 2)
    taken: list[str | None] = []

    def work(number: int) -> None:
        taken.extend([client.track(f"work-{number}", {"n": n}) for n in range(100)])

    with Client(collector.url, "shop", options=quick) as client:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.flush(within=30)
        assert client.counts == type(client.counts)(400, 400, 0, 0, 0)
    assert {event.event_id for event in collector.stored()} == set(taken)
    assert all(len(body) <= 50 for body in collector.bodies)


def test_events_that_one_partition_does_not_take_are_sent_again_alone(
    collector: FaultyCollector, quick: Options
) -> None:
    collector.sink.refuse = {0: "no leader"}
    refused: list[Refusal] = []
    with Client(collector.url, "shop", options=quick, on_refused=refused.append) as client:
        ids = {client.track("a", visitor_id=f"u-{n}") for n in range(20)}
        assert not client.flush(within=0.3)
        assert 0 < client.counts.accepted < 20
        collector.sink.refuse = {}
        assert client.flush(within=20)
    assert not refused
    stored = [event.event_id for event in collector.stored()]
    assert sorted(stored) == sorted(filter(None, ids))  # none of them twice


def test_a_rate_limit_is_waited_for(quick: Options) -> None:
    settings = CollectorSettings(rate_per_website=50, rate_per_website_burst=5)
    with collecting(settings) as collector, Client(collector.url, "shop", options=quick) as client:
        for n in range(12):
            client.track("a", {"n": n})
        assert client.flush(within=20)
        assert client.counts.accepted == 12
        assert len(collector.bodies) > 1
    assert len(collector.stored()) == 12


def test_what_is_refused_for_ever_is_told_with_its_place_and_reason(
    collector: FaultyCollector, quick: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Refusal] = []
    monkeypatch.setattr("eventrail_client.events.VISITOR_ID_MAX_BYTES", 100)  # older than its collector
    with Client(collector.url, "shop", options=quick, on_refused=told.append) as client:
        client.track("good")
        event_id = client.track("bad", visitor_id="x" * 65)
        client.track("good")
        assert client.flush(within=20)
        assert client.counts == type(client.counts)(3, 2, 1, 0, 0)
    assert told == [
        Refusal(
            event_id, "bad", 1, "validation_error",
            "[1].visitor_id: has 65 bytes in UTF-8, but must have 1 to 64", "visitor_id",
        )
    ]  # fmt: skip
    assert len(collector.bodies) == 1


def test_batches_are_full_and_carry_the_time_of_sending(collector: FaultyCollector) -> None:
    with Client(collector.url, "shop", options=LONG) as client:
        for n in range(120):
            client.track("a", {"n": n})
        assert client.flush(within=20)
    members = [member for body in collector.bodies for member in body]
    assert [member["event_data"]["n"] for member in members] == list(range(120))
    assert [len(body) for body in collector.bodies] == [50, 50, 20]
    assert all(member["sent_at"] >= member["timestamp"] for member in members)


def test_tracking_waits_for_nothing_while_the_collector_is_silent(collector: FaultyCollector) -> None:
    collector.faults.append(Fault.SILENT)
    client = Client(collector.url, "shop", options=Options(queue_events=10, request_timeout=60))
    client.track("first")
    assert not client.flush(within=0)
    assert collector.silent.wait(10)
    assert all(client.track("a") for _ in range(100))  # would hang here
    assert client.counts == type(client.counts)(101, 0, 0, 90, 11)
    assert not client.close(within=0)


def test_a_closed_client_takes_nothing(collector: FaultyCollector) -> None:
    client = Client(collector.url, "shop", options=LONG)
    client.track("a")
    assert client.close()
    assert client.close()
    assert client.track("b") is None
    assert client.flush()
    assert [event.event_name for event in collector.stored()] == ["a"]


def test_leaving_a_with_block_sends_what_waits(collector: FaultyCollector) -> None:
    with Client(collector.url, "shop", options=LONG) as client:
        client.track("a")
    assert len(collector.stored()) == 1


def test_what_is_lost_at_the_end_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with httpx.MockTransport(lambda _: httpx.Response(503)) as transport:
        client = Client("http://collector", "shop", transport=transport, options=LONG)
        client.track("a")
        assert not client.close(within=0.1)
    assert "1 events were not sent and are lost" in caplog.text


def test_the_spool_survives_and_the_next_client_sends_it(
    collector: FaultyCollector, quick: Options, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collector.faults.extend([Fault.PORTAL] * 1000)
    with Client(collector.url, "shop", options=quick, spool=tmp_path) as first:
        ids = [first.track("a", {"n": n}) for n in range(70)]
        assert not first.close(within=0.1)
    assert "lost" not in caplog.text
    collector.faults.clear()
    collector.bodies.clear()
    with Client(collector.url, "shop", options=quick, spool=tmp_path) as second:
        wait_until_taken(second, 70)
        assert second.flush(within=20)
    assert [member["event_id"] for body in collector.bodies for member in body] == ids
    assert {event.event_id for event in collector.stored()} == set(ids)
    assert list((tmp_path / "shop").iterdir()) == []


def wait_until_taken(client: Client, events: int) -> None:
    """The spool's thread has found so many."""
    with client._changed:
        assert client._changed.wait_for(lambda: client.counts.taken == events, 10)


def test_a_broken_connection_is_told_once_and_not_at_each_try(
    collector: FaultyCollector, quick: Options, caplog: pytest.LogCaptureFixture
) -> None:
    collector.faults.extend([Fault.UNREACHED] * 4)
    with Client(collector.url, "shop", options=quick) as client:
        client.track("a")
        assert client.flush(within=20)
    assert [record.levelname for record in caplog.records if record.name == "eventrail_client"] == ["WARNING"]
    assert "events are kept and sent again: no answer from the collector (RemoteProtocolError" in caplog.text


def test_the_users_function_may_fail(collector: FaultyCollector, quick: Options, caplog: Any) -> None:
    def fails(refusal: Refusal) -> None:
        raise RuntimeError(refusal.code)

    with Client(collector.url, "shop", options=quick, on_refused=fails) as client:
        assert client.track("") is None
        assert client.track("a")
        assert client.flush(within=20)
    assert "on_refused failed" in caplog.text
    assert len(collector.stored()) == 1
