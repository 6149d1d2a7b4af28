"""Prints each purchase once, as a line of JSON: aiokafka and eventrail-subscriber.

Install: `pip install aiokafka ./sdk/subscriber`
Run: `BROKERS=localhost:9092 python purchases.py`
"""

import asyncio
import json
import os
import sys
from collections import defaultdict
from typing import Any

from aiokafka import AIOKafkaConsumer

from eventrail_subscriber import TOPIC, NotAnEvent, OtherType, RecentEvents, properties, read

BROKERS = os.environ.get("BROKERS", "localhost:9092")
GROUP = os.environ.get("GROUP", "team-x-purchases")


async def main() -> None:
    recent: defaultdict[int, RecentEvents] = defaultdict(lambda: RecentEvents(100_000))
    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=BROKERS,
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with consumer:
        while True:
            fetched = await consumer.getmany(timeout_ms=1000)
            for tp, records in fetched.items():
                for record in records:
                    take(record, recent[tp.partition])
            if fetched:
                # Offsets last: after a crash some records come again, and none is missing.
                await consumer.commit()


def take(record: Any, recent: RecentEvents) -> None:
    """Do what is to be done with one record, and never fail because of what is in it."""
    where = f"{record.topic}/{record.partition}:{record.offset}"
    try:
        event = read(record.key, record.value, record.headers, where=where)
        said = properties(event)
    except OtherType:
        return
    except NotAnEvent as error:
        print(error, file=sys.stderr)
        return
    if event in recent:
        return
    if event.event_name == "purchase":
        line = {"id": event.event_id, "country": event.geo.country, "amount": said.get("amount")}
        print(json.dumps(line), flush=True)
    recent.add(event)


if __name__ == "__main__":
    asyncio.run(main())
