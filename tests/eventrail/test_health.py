import asyncio
import socket

import httpx
import pytest
from prometheus_client import Counter
from starlette.applications import Starlette

from eventrail.clock import ManualClock
from eventrail.health import OK, Cached, Health, bind, serving, side_door, split_listen
from eventrail.metrics import registry


async def fine() -> str:
    return OK


async def away() -> str:
    return "no broker at 127.0.0.1:1"


async def hangs() -> str:
    await asyncio.Event().wait()
    return OK


async def ask(health: Health, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=health.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path)


async def test_ready_when_all_that_is_required_is() -> None:
    health = Health({"kafka": fine, "clickhouse": away}, frozenset({"kafka"}))
    answer = await ask(health, "/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "checks": {"kafka": "ok", "clickhouse": "no broker at 127.0.0.1:1"},
    }


async def test_not_ready_names_the_cause() -> None:
    answer = await ask(Health({"kafka": away}, frozenset({"kafka"})), "/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["kafka"] == "no broker at 127.0.0.1:1"


async def test_a_check_that_hangs_is_cut_off() -> None:
    ready, answers = await Health({"kafka": hangs}, frozenset({"kafka"}), timeout_seconds=0.01).ask()
    assert (ready, answers) == (False, {"kafka": "no answer within 0.01 s"})


async def test_liveness_asks_no_backend() -> None:
    answer = await ask(Health({"kafka": hangs}, frozenset({"kafka"})), "/livez")
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


async def test_the_side_door_over_a_real_socket() -> None:
    metrics = registry("writer")
    Counter("eventrail_things", "Things.", registry=metrics).inc(3)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with (
        serving(side_door(Health(), metrics), f"127.0.0.1:{port}"),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        text = (await client.get("/metrics")).text
        assert (await client.get("/livez")).status_code == 200
    assert "eventrail_things_total 3.0" in text
    assert 'eventrail_build_info{service="writer",version="0.1.0"} 1.0' in text


def test_a_used_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        listen = f"127.0.0.1:{holder.getsockname()[1]}"
        with pytest.raises(OSError, match=f"cannot listen at {listen}: Address already in use"):
            bind(listen)


@pytest.mark.parametrize(("text", "pair"), [("0.0.0.0:80", ("0.0.0.0", 80)), ("[::1]:8402", ("::1", 8402))])
def test_listen_addresses(text: str, pair: tuple[str, int]) -> None:
    assert split_listen(text) == pair


class Question:
    def __init__(self) -> None:
        self.asked = 0
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self) -> str:
        self.asked += 1
        await self.open.wait()
        return f"answer {self.asked}"


async def test_an_answer_is_kept_for_a_second() -> None:
    clock, question = ManualClock(), Question()
    check = Cached(question, clock.monotonic)
    assert [await check(), await check()] == ["answer 1", "answer 1"]
    clock.advance(0.99)
    assert await check() == "answer 1"
    clock.advance(0.01)
    assert await check() == "answer 2"


async def test_many_ask_one_question_and_none_can_cancel_it() -> None:
    clock, question = ManualClock(), Question()
    check = Cached(question, clock.monotonic)
    question.open.clear()
    askers = [asyncio.create_task(check()) for _ in range(5)]
    await asyncio.sleep(0)
    askers[0].cancel()
    clock.advance(60)
    askers.append(asyncio.create_task(check()))
    await asyncio.sleep(0)
    question.open.set()
    answers = await asyncio.gather(*askers, return_exceptions=True)
    assert answers[1:] == ["answer 1"] * 5
    assert question.asked == 1


def test_what_is_accepted_sends_at_once() -> None:
    """Without it the body of each answer waits up to 40 ms for the client to acknowledge its head."""
    with bind("127.0.0.1:0") as listening:
        with socket.create_connection(listening.getsockname()):
            accepted, _address = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
