"""The records of one website on a live enriched topic, held against the rules."""

from contextlib import aclosing

from aiokafka.partitioner import murmur2

from eventrail.clock import SystemClock
from eventrail.conformance.findings import Findings
from eventrail.conformance.judge import Judge
from eventrail.contract.topics import ENRICHED
from eventrail.kafka.bounded import BoundedTopic, reading
from eventrail.settings import KafkaSettings


async def judged(kafka: str, website: str) -> Findings:
    """What is found on all of the topic that names `website` in its headers; the rest may be anything."""
    source = ("ce_source", f"/websites/{website}".encode())
    async with reading(KafkaSettings(kafka_bootstrap_servers=kafka), ENRICHED.name) as consumer:
        topic = BoundedTopic(consumer, ENRICHED.name)
        spans = await topic.spans()
        count = len(spans)
        judge = Judge(
            lambda key: (murmur2(key) & 0x7FFFFFFF) % count, SystemClock().now_ms(), frozenset(spans)
        )
        for partition, span in spans.items():
            async with aclosing(topic.read(partition, span)) as records:
                async for record in records:
                    if source in record.headers:
                        judge.see(record)
    return judge.findings
