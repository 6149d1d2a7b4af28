"""Records that keep the contract, and one more that breaks it, for each rule."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from eventrail.clock import MS_PER_DAY
from eventrail.conformance.findings import AnyRule, TopicRule
from eventrail_subscriber import EnrichedEvent, Rule
from eventrail_subscriber.fake import FakeTopic, Record

PARTITIONS: Final = 2
PARTITION: Final = 0
"""Where all records stand, and where the keys of VISITORS belong."""

VISITORS: Final = ("u-2", "u-4", "u-6")
ELSEWHERE: Final = "u-1"
"""A visitor of the other partition."""


def kept() -> list[Record]:
    """Events, copies of the enricher and of a client, and a record of another type: all of it allowed."""
    topic = FakeTopic(partition=PARTITION)
    for visitor in (*VISITORS, *VISITORS):
        topic.publish("purchase", {"amount": 5}, visitor_id=visitor)
    for record in topic.records[2:5]:  # a crash, and the stretch since the last commit once more
        topic.publish_again(record)
    topic.publish("purchase", visitor_id=VISITORS[0])
    first = EnrichedEvent.FromString(topic.records[0].value)
    topic.publish("purchase", visitor_id=VISITORS[1], event_id=first.event_id)  # sent again, from elsewhere
    return [*topic.records, other_type(topic.records[0], len(topic.records))]


def other_type(record: Record, offset: int) -> Record:
    """A record of a version that is still to come."""
    headers = tuple(
        (name, b"io.eventrail.event.enriched.v2" if name == "ce_type" else value)
        for name, value in record.headers
    )
    return replace(record, offset=offset, headers=headers, value=b"\xff", key=b"another")


def another(**facts: Any) -> Record:
    """An event that nothing else is known of."""
    return FakeTopic(partition=PARTITION).publish(
        "x", **{"visitor_id": "u-10", "raw_position": {"offset": 80}, **facts}
    )


def changed(record: Record, **facts: Any) -> Record:
    """`record` with other facts in its value, and nothing else."""
    event = EnrichedEvent.FromString(record.value)
    for name, value in facts.items():
        setattr(event, name, value)
    return replace(record, value=event.SerializeToString())


def _disordered() -> list[Record]:
    first, second, third = (another(raw_position={"offset": at}) for at in (90, 91, 92))
    return [first, third, second]


PLANTED: Final[dict[AnyRule, Callable[[], list[Record]]]] = {
    Rule.VALUE: lambda: [replace(another(), value=b"\xff\xff")],
    Rule.FIELDS: lambda: [changed(another(), event_data="[1]")],
    Rule.KEY: lambda: [replace(another(), key=b"u-2")],
    Rule.HEADERS: lambda: [replace(another(), headers=another().headers[2:])],
    TopicRule.PARTITION: lambda: [another(visitor_id=ELSEWHERE)],
    TopicRule.TIMESTAMP: lambda: [replace(another(), timestamp=another().timestamp - MS_PER_DAY)],
    TopicRule.ORDER: _disordered,
    TopicRule.COPIES: lambda: [another(), changed(another(), channel="Another")],
}
"""Rule -> records to stand behind those of `kept`, the last of which breaks this rule and no other."""


def broken(rule: AnyRule) -> list[Record]:
    """The records of `kept`, and behind them a last one that breaks `rule`."""
    return [replace(record, offset=at) for at, record in enumerate([*kept(), *PLANTED[rule]()])]
