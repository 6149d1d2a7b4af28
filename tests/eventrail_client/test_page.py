"""The examples of docs/python-client.md do what the page says."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.sealing import AddressOpener
from eventrail.websites import keys
from eventrail.websites.watching import WebsitesFile
from eventrail_client import Options
from tests.eventrail_client.collector import KEYS, FaultyCollector, collecting

PAGE = (Path(__file__).parents[2] / "docs/python-client.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
FIRST, LONG_RUNNING, WEB, REFUSED, SPOOL, SIGNAL, TWICE = EXAMPLES
WEBSITES = """
websites:
  - id: demo
    name: Demo
    domains: [demo.example]
    server_keys:
      - {id: app, hash: "sha256:%s"}
"""


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[FaultyCollector]:
    file = tmp_path / "websites.yaml"
    file.write_text(WEBSITES % keys.digest(b"evk_demo").hex())
    with collecting(websites=WebsitesFile(file)) as running:
        yield running


def run(example: str, collector: FaultyCollector, spool: str = "") -> dict[str, Any]:
    """What the example leaves behind, with this collector in the place of the page's."""
    assert example.count("http://localhost:8400") == 1
    here = example.replace("http://localhost:8400", collector.url).replace("/var/lib/my-app/events", spool)
    names: dict[str, Any] = {}
    exec(compile(here, "python-client.md", "exec"), names)  # noqa: S102 - the page is ours
    return names


def stored(collector: FaultyCollector) -> dict[str, RawEvent]:
    return {event.event_name: event for event in collector.stored()}


def test_the_first_event(collector: FaultyCollector) -> None:
    run(FIRST, collector)
    events = stored(collector)
    assert set(events) == {"signup", "purchase"}
    assert events["purchase"].event_data == '{"plan":"pro","amount":49.99}'
    assert (events["purchase"].visitor_id, events["purchase"].url) == ("user-42", "/checkout")


def test_a_long_running_program(collector: FaultyCollector) -> None:
    left = run(LONG_RUNNING, collector)
    assert stored(collector)["order_shipped"].event_data == '{"order_id":"ord_101"}'
    left["client"].close()


async def test_on_behalf_of_a_visitor(collector: FaultyCollector) -> None:
    app = run(WEB, collector)["app"]
    transport = httpx.ASGITransport(app, client=("198.51.100.9", 1))
    headers = {"user-agent": "Visitor/1", "accept-language": "de-AT,de;q=0.9", "cookie": "user=u-7"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://shop.example") as browser,
    ):
        assert (await browser.post("/plans/pro", headers=headers)).json() == {"plan": "pro"}
    event = stored(collector)["plan_selected"]
    assert (event.user_agent, event.language, event.visitor_id) == ("Visitor/1", "de-AT", "u-7")
    assert event.url == "http://shop.example/plans/pro"
    assert str(AddressOpener(KEYS).open(event.client_address)) == "198.51.100.9"


def test_refusals_are_told(collector: FaultyCollector) -> None:
    run(REFUSED, collector)
    assert stored(collector)["purchase"].event_data == '{"note":"short"}'


def test_a_spool(collector: FaultyCollector, tmp_path: Path) -> None:
    run(SPOOL, collector, spool=str(tmp_path / "events"))
    assert set(stored(collector)) == {"invoice_paid"}
    assert list((tmp_path / "events" / "demo").iterdir()) == []


@pytest.mark.slow
def test_the_end_of_the_program(collector: FaultyCollector) -> None:
    program = SIGNAL.replace("http://localhost:8400", collector.url) + "\nprint(flush=True)\nsignal.pause()\n"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0
    assert set(stored(collector)) == {"job_started"}


def test_events_that_are_tracked_twice(collector: FaultyCollector) -> None:
    run(TWICE, collector)
    events = collector.stored()
    assert len(events) == 2
    assert len({(event.event_id, event.event_name, event.identity_day) for event in events}) == 1


def test_the_options_are_those_of_the_code() -> None:
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]
    assert {row[0].strip("| `"): row[1] for row in rows} == {
        name: str(value) for name, value in asdict(Options()).items()
    }
