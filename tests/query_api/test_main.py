"""The process itself: settings, start, trouble, and an orderly end."""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from devstack.ports import free_addresses
from eventrail.contract import topics
from eventrail.kafka.admin import create_topics
from eventrail.logs import LINES_OF_OURS
from eventrail.settings import KafkaSettings, variable
from eventrail.websites import keys
from query_api.__main__ import main
from query_api.settings import QueryApiSettings

pytestmark = pytest.mark.slow

START_SECONDS = 30


def environment(**values: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVENTRAIL_")}
    return {**kept, **values}


def run(**values: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "query_api"]
    return subprocess.run(
        command, env=environment(**values), capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def started(clickhouse_url: str, kafka: str, **more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running query API and its base URL; killed when the block ends, if it still runs."""
    listen = str(free_addresses(random.Random()).query_api)
    values = environment(
        EVENTRAIL_QUERY_API_LISTEN=listen,
        EVENTRAIL_CLICKHOUSE_URL=clickhouse_url,
        EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS=kafka,
        **more,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "query_api"], env=values, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until_alive(process, f"http://{listen}")
        yield process, f"http://{listen}"
    finally:
        process.kill()
        process.communicate()


def until_checked(base: str, name: str, answer: str) -> dict[str, str]:
    """All checks of `/readyz`, once that of `name` is `answer`."""
    end = time.monotonic() + START_SECONDS
    while (checks := httpx.get(f"{base}/readyz").json()["checks"])[name] != answer:
        assert time.monotonic() < end, checks
        time.sleep(0.05)
    return dict(checks)


def wait_until_alive(process: subprocess.Popen[str], base: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, process.communicate()[1]
        try:
            if httpx.get(f"{base}/livez").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"not alive after {START_SECONDS} s")


def end(process: subprocess.Popen[str], number: signal.Signals) -> list[dict[str, str]]:
    """Send a signal; the log lines of a process that then ended with status 0."""
    process.send_signal(number)
    _out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    return [json.loads(line) for line in err.splitlines()]


def test_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for name in QueryApiSettings.model_fields:
        assert variable(QueryApiSettings, name) in text
    assert "EVENTRAIL_CLICKHOUSE_URL" in text
    assert "EVENTRAIL_LOG_LEVEL" in text
    assert "EVENTRAIL_WEBSITES" in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVENTRAIL_QUERY_API_LISTEN", "nowhere"),
        ("EVENTRAIL_QUERY_API_CONNECTIONS", "0"),
        ("EVENTRAIL_QUERY_API_MAX_POINTS", "many"),
        ("EVENTRAIL_CLICKHOUSE_URL", "http://x"),
        ("EVENTRAIL_LOG_LEVEL", "loud"),
        ("EVENTRAIL_WEBSITES", "/nowhere/websites.yaml"),
        ("EVENTRAIL_REQUIRE_WEBSITES", "true"),
        ("EVENTRAIL_QUERY_API_KEY_BURST", "0"),
        ("EVENTRAIL_QUERY_API_CORS_ORIGINS", "*"),
    ],
)
def test_a_wrong_setting_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    assert main([]) == 2
    assert name in capsys.readouterr().err


def test_a_wrong_setting_ends_the_process_with_status_2_before_it_listens() -> None:
    done = run(EVENTRAIL_CLICKHOUSE_URL="clickhouse://h:port/x")
    assert done.returncode == 2
    assert "EVENTRAIL_CLICKHOUSE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_used_address_is_named_and_ends_with_status_1() -> None:
    address = free_addresses(random.Random()).query_api
    with socket.create_server((address.host, address.port)):
        done = run(EVENTRAIL_QUERY_API_LISTEN=str(address))
    assert done.returncode == 1
    line = json.loads(done.stderr)
    assert line["level"] == "error"
    assert "EVENTRAIL_QUERY_API_LISTEN" in line["message"]
    assert f"cannot listen at {address}" in line["reason"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_without_clickhouse_and_kafka_it_serves_says_503_and_ends_orderly(number: signal.Signals) -> None:
    nobody = free_addresses(random.Random())
    with started(f"clickhouse://default@{nobody.clickhouse}/x", str(nobody.kafka)) as (process, base):
        checks = until_checked(base, "data_through", "kafka does not answer")
        assert checks["clickhouse"] == "ClickHouse does not answer"
        assert httpx.get(f"{base}/readyz").status_code == 200
        lag = httpx.get(f"{base}/api/pipeline/lag").json()["data"]
        assert (lag["data_through"], lag["held_by"]) == (None, ["kafka does not answer"])
        for _ in range(20):
            answer = httpx.get(f"{base}/api/websites/w/events")
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json()["error"]["code"] == "unavailable"
        metrics = httpx.get(f"{base}/metrics").text
        assert "eventrail_query_api_clickhouse_up 0.0" in metrics
        assert "eventrail_query_api_data_through_age_seconds NaN" in metrics
        lines = end(process, number)
    assert [line["message"] for line in lines].count("answered 503") == LINES_OF_OURS
    assert {line["service"] for line in lines} == {"query-api"}


@pytest.mark.stack
def test_with_its_backends_it_answers_and_is_silent(events_database: str, kafka: str) -> None:
    asyncio.run(create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), topics.ALL))
    with started(events_database, kafka) as (process, base):
        end_ = time.monotonic() + START_SECONDS
        while (lag := httpx.get(f"{base}/api/pipeline/lag").json()["data"])["as_of"] is None:
            assert time.monotonic() < end_, lag
            time.sleep(0.05)
        assert len(lag["enricher"]["partitions"]) == 8
        assert httpx.get(f"{base}/readyz").json()["checks"]["clickhouse"] == "ok"
        for _ in range(5):
            answer = httpx.get(f"{base}/api/websites/process/events")
            assert (answer.status_code, answer.json()["data"]) == (200, [])
        assert httpx.head(f"{base}/api/websites/process/events").status_code == 200
        lines = end(process, signal.SIGTERM)
    assert {line["level"] for line in lines} == {"info"}, lines
    assert lines[0]["message"] == "started"
    assert lines[-1]["message"] == "stopped"
    assert len(lines) <= 8


def test_a_key_is_asked_for_and_a_client_that_hangs_up_gives_its_place_back(tmp_path: Path) -> None:
    key = keys.make(bytes(32))
    file = tmp_path / "websites.yaml"
    file.write_text(
        "websites:\n  - {id: shop, name: Shop, domains: [shop.example],\n"
        f"     server_keys: [{{id: dashboard, hash: '{keys.hash_of(key)}', scopes: [read]}}]}}\n"
    )
    more = {"EVENTRAIL_WEBSITES": str(file), "EVENTRAIL_QUERY_API_KEY_CONCURRENCY": "1"}
    headers = {"Authorization": f"Bearer {key}"}
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,  # connections are made, and then nobody answers
        started(
            f"clickhouse://default@127.0.0.1:{silent.getsockname()[1]}/x",
            str(free_addresses(random.Random()).kafka),
            **more,
        ) as (process, base),
    ):
        assert httpx.get(f"{base}/api/websites/shop/events").status_code == 401
        assert listing(base, headers) == 200
        address = urlsplit(base)
        with socket.create_connection((str(address.hostname), address.port or 0)) as client:
            client.sendall(
                f"GET /api/websites/shop/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
            )
            until(lambda: listing(base, headers) == 429)
        until(lambda: listing(base, headers) == 200)
        process.send_signal(signal.SIGTERM)
        assert key not in process.communicate(timeout=30)[1]


def listing(base: str, headers: dict[str, str]) -> int:
    return httpx.get(f"{base}/api/websites", headers=headers).status_code


def until(fits: Callable[[], bool]) -> None:
    end = (
        time.monotonic() + 5
    )  # less than ClickHouse is waited for: only the client can have ended the request
    while not fits():
        assert time.monotonic() < end
        time.sleep(0.1)
