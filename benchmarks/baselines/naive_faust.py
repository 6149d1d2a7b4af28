"""An enricher as one would first write it in Faust: one record, one table write, one send.

`python -m benchmarks.baselines.naive_faust BOOTSTRAP FOLDER` is a worker that reads the raw topic, counts the events of
each visitor in a table, parses the event's URL and sends the event on.
"""

import sys
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

import faust

from eventrail.contract.codec import decode
from eventrail.contract.topics import RAW
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.raw_pb2 import RawEvents

OUTPUT = "benchmark.naive.enriched"
APP = "benchmark-naive"


def make(bootstrap_servers: str, folder: str, partitions: int) -> Any:
    app = faust.App(
        APP,
        broker=f"kafka://{bootstrap_servers}",
        datadir=folder,
        store="memory://",
        topic_partitions=partitions,
        topic_allow_declare=True,
        web_enabled=False,
        value_serializer="raw",
    )
    visits = app.Table("visits", default=int, partitions=partitions)
    output = app.topic(OUTPUT, value_serializer="raw", key_serializer="raw", partitions=partitions)

    @app.agent(app.topic(RAW.name, value_serializer="raw", key_serializer="raw"))
    async def enrich(stream: Any) -> None:
        async for value in stream:
            for raw in decode(RawEvents, value).events:
                visitor = blake2b(
                    raw.website_id.encode() + raw.user_agent.encode(), digest_size=16
                ).hexdigest()
                visits[visitor] += 1
                event = EnrichedEvent(
                    website_id=raw.website_id,
                    event_id=raw.event_id,
                    event_name=raw.event_name,
                    event_data=raw.event_data,
                    visitor_id=visitor,
                )
                event.page.path = urlsplit(raw.url).path
                await output.send(key=visitor.encode(), value=event.SerializeToString())

    return app


if __name__ == "__main__":
    servers, data, count = sys.argv[1:]
    faust.Worker(make(servers, data, int(count)), loglevel="ERROR").execute_from_commandline()
