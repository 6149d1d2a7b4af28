"""A spool on disk holds no address of a client, in no form."""

import random
from pathlib import Path

import httpx

from collector.app import make_app, make_health, make_intake
from collector.metrics import Metrics
from collector.settings import CollectorSettings
from collector.sinks.memory import MemorySink
from collector.sinks.spool import SpoolBounds, SpoolSink
from collector.sinks.spool_file import SpoolFile
from collector.sinks.spool_thread import SpoolThread
from eventrail.clock import SystemClock
from tests.faults.privacy.forms import addresses_4, addresses_6, forms_4, forms_6

MARK = "kDfq7wZcXvbNm3RtYs9L"


async def test_no_address_stands_in_the_spool(tmp_path: Path) -> None:
    source = random.Random(7)
    sixes, fours = addresses_6(source, 100), addresses_4(source, 100)
    settings, metrics, clock = CollectorSettings(), Metrics(), SystemClock()
    broker = MemorySink()
    broker.refuse = dict.fromkeys(range(8), "Kafka is away")
    thread = SpoolThread(SpoolFile(tmp_path / "spool", 1 << 30, clock))
    sink = SpoolSink(broker, thread, SpoolBounds(1 << 30, farewell=0), metrics, clock)
    health = make_health(sink, lambda: None, None, sink)
    intake = make_intake(b"s" * 32, {"k1": b"k" * 32}, settings)
    app = make_app(settings, intake, sink, health, metrics, clock)
    event = {"website_id": "shop", "type": "event", "event_name": "seen", "event_data": {"mark": MARK}}
    for address in [*sixes, *fours]:
        transport = httpx.ASGITransport(app, client=(str(address), 40_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://collector") as http:
            answer = await http.post("/e", json=event)
        assert (answer.status_code, answer.json()["durability"]) == (202, "disk")
    while_open = b"".join(path.read_bytes() for path in (tmp_path / "spool").iterdir())
    await sink.close()
    closed = b"".join(path.read_bytes() for path in (tmp_path / "spool").iterdir())
    for content in (while_open, closed):
        assert content.count(MARK.encode()) >= 200
        found = {
            form.name for form in [*forms_6(sixes), *forms_4(fours)] if form.rare and [*form.found(content)]
        }
        assert found == set()
