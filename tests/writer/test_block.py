"""Every record becomes a row, a rejection, or a known copy; and a block has a name of its own."""

from collections.abc import Callable
from typing import Any

from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.rejected_pb2 import RejectionReason
from eventrail.rows.events import row
from writer import block as block_module
from writer.block import block, position, token, without_known
from writer.dedupe import RecentlyWritten

Event = Callable[..., EnrichedEvent]
Source = Callable[..., Any]


def test_each_record_is_accounted_for(event: Event, source: Source) -> None:
    known = RecentlyWritten(10)
    copy = event()
    known.add([row(copy, 0, 0)])
    records = [
        source(event()),
        source(b"\xff"),
        source(copy),
        source(None),
        source(event(website_id="")),
        source(event(event_data="[")),
        source(event()),
    ]
    made = without_known(block(records), known)
    assert [position(values) for values in made.rows] == [(0, 0), (0, 6)]
    assert made.duplicates == 1
    undecodable = RejectionReason.REJECTION_REASON_UNDECODABLE
    invalid = RejectionReason.REJECTION_REASON_INVALID
    assert [(each.record.offset, each.reason) for each in made.rejections] == [
        (1, undecodable),
        (3, undecodable),
        (4, invalid),
        (5, invalid),
    ]


def test_a_rejection_says_which_event_where_it_could_be_read(event: Event, source: Source) -> None:
    refused = event(event_data="[")
    [rejection] = block([source(refused)]).rejections
    assert (rejection.website_id, rejection.event_id) == (refused.website_id, refused.event_id)
    assert rejection.detail == "event_data is no JSON text"


def test_a_fault_of_the_rules_rejects_one_event_and_quotes_nothing(
    event: Event, source: Source, monkeypatch: Any
) -> None:
    def broken(made: EnrichedEvent, _partition: int, offset: int, _days: int) -> Any:
        if offset == 1:
            raise KeyError(made.event_data)
        return row(made, 0, offset)

    def broken_too(*_: Any) -> Any:
        raise KeyError("secret")

    monkeypatch.setattr(block_module, "row", broken)
    monkeypatch.setattr(block_module, "columns", broken_too)
    made = block([source(event()), source(event()), source(event())])
    assert len(made.rows) == 2
    assert [each.detail for each in made.rejections] == ["no row can be made of it: KeyError"]


def test_the_same_block_has_the_same_token(event: Event) -> None:
    one, two = event(), event()
    rows = [row(one, 0, 5), row(two, 1, 6)]
    assert token(rows) == token([row(one, 0, 5), row(two, 1, 6)])
    assert len(token(rows)) == 32


def changed(event: EnrichedEvent, **fields: Any) -> EnrichedEvent:
    """The event with other fields, as another website could have it at the same place of a topic made anew."""
    other = EnrichedEvent()
    other.CopyFrom(event)
    other.MergeFrom(EnrichedEvent(**fields))
    return other


def test_any_other_block_has_another_token(event: Event) -> None:
    one, two = event(), event()
    others = [
        [row(one, 0, 5)],
        [row(one, 0, 5), row(two, 0, 6)],
        [row(two, 0, 6), row(one, 0, 5)],
        [row(one, 0, 5), row(two, 1, 6)],
        [row(one, 0, 6), row(two, 0, 7)],
        [row(event(), 0, 5), row(event(), 0, 6)],
        [row(changed(one, website_id="elsewhere"), 0, 5)],
        [row(changed(one, event_name="other"), 0, 5)],
        [row(changed(one, identity_day=1), 0, 5)],
        [row(changed(one, received_at_ms=1), 0, 5)],
    ]
    assert len({token(rows) for rows in others}) == len(others)


def test_another_process_has_another_token(event: Event) -> None:
    rows = [row(event(), 0, 5)]
    assert token(rows, "one") == token(rows, "one") != token(rows, "two")
