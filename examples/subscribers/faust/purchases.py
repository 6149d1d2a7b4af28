"""Prints each purchase once, as a line of JSON: Faust and eventrail-subscriber.

Install: `pip install faust-streaming ./sdk/subscriber`
Run: `BROKERS=localhost:9092 python purchases.py --quiet worker --without-web --loglevel info`

Stock Faust can miss records in rebalances (docs/adr/0008-faust-does-not-decide-what-was-done.md): for what must not
miss one, begin with the aiokafka example.
"""

import json
import os
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import faust

from eventrail_subscriber import TOPIC, NotAnEvent, OtherType, RecentEvents, properties, read

app = faust.App(
    os.environ.get("GROUP", "team-x-purchases"),
    broker=f"kafka://{os.environ.get('BROKERS', 'localhost:9092')}",
    datadir=Path(gettempdir()) / "team-x-purchases",
    consumer_auto_offset_reset="earliest",
    # A subscriber makes no topics, and has no rights to.
    topic_allow_declare=False,
    topic_disable_leader=True,
)
# Raw bytes: what cannot be decoded must reach `take`, or else Faust would drop it.
enriched = app.topic(TOPIC, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
recent: defaultdict[int, RecentEvents] = defaultdict(lambda: RecentEvents(100_000))


@app.agent(enriched)
async def purchases(stream: Any) -> None:
    async for each in stream.events():
        take(each.message, recent[each.message.partition])


def take(record: Any, seen: RecentEvents) -> None:
    """Do what is to be done with one record. It must not fail: Faust counts a record whose agent raised as done."""
    where = f"{record.topic}/{record.partition}:{record.offset}"
    try:
        event = read(record.key, record.value, record.headers, where=where)
        said = properties(event)
    except OtherType:
        return
    except NotAnEvent as error:
        print(error, file=sys.stderr)
        return
    if event in seen:
        return
    if event.event_name == "purchase":
        line = {"id": event.event_id, "country": event.geo.country, "amount": said.get("amount")}
        # Not plain stdout, of which the worker makes its log.
        print(json.dumps(line), file=sys.__stdout__, flush=True)
    seen.add(event)


if __name__ == "__main__":
    app.main()
