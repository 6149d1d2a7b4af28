from hashlib import sha256
from typing import Any

import pytest

from eventrail.contract.codec import decode_enriched, decode_raw, enriched_headers
from eventrail.contract.topics import ENRICHED, RAW
from eventrail.contract.v1.raw_pb2 import RawEvents
from eventrail.contract.v1.rejected_pb2 import RejectedEvent
from eventrail.rejected.patching import Patch
from eventrail.rejected.plan import LARGEST_VALUE, Origin, Planned, Refusal, Refused, plan
from tests.eventrail.rejected.making import ID, by_enricher, by_writer, enriched, raw, record


def planned(rejected: RejectedEvent, **changes: Any) -> Planned:
    [found] = plan(record(rejected, 2, 7), Patch(changes, "d") if changes else None)
    assert isinstance(found, Planned)
    return found


def refused(rejected: RejectedEvent | bytes, **changes: Any) -> Refused:
    [found] = plan(record(rejected, 2, 7), Patch(changes, "d") if changes else None)
    assert isinstance(found, Refused)
    assert str(found.address) == "2:7"
    return found


def test_an_event_of_a_chunk_goes_back_to_its_partition_as_a_chunk_of_one() -> None:
    event = raw()
    found = planned(by_enricher(event))
    assert (found.topic, found.partition, found.key, found.headers) == (RAW.name, 3, None, ())
    assert list(decode_raw(found.value)) == [event]
    assert found.origin == Origin(RAW.name, 3, 70, 1, sha256(event.SerializeToString()).hexdigest())


def test_an_enriched_event_goes_back_as_the_contract_has_it() -> None:
    event = enriched()
    found = planned(by_writer(event))
    assert (found.topic, found.partition, found.key) == (ENRICHED.name, None, b"v1")
    assert decode_enriched(found.value) == event
    assert list(found.headers) == enriched_headers(event)
    assert found.origin[:4] == (ENRICHED.name, 5, 900, 0)


def test_the_key_is_that_of_the_patched_event() -> None:
    assert planned(by_writer(enriched()), visitor_id=None).key == ID.encode()


def test_each_event_of_a_whole_chunk_is_looked_at_for_itself() -> None:
    events = [raw(), raw(event_name=""), raw(event_name="signup")]
    first, second, third = plan(record(by_enricher(RawEvents(events=events))), None)
    assert isinstance(first, Planned)
    assert isinstance(second, Refused)
    assert isinstance(third, Planned)
    assert (first.origin.place, third.origin.place) == (0, 2)
    assert list(decode_raw(third.value)) == [events[2]]


def test_ids_stay_whatever_is_patched() -> None:
    rejected = by_enricher(raw())
    before = planned(rejected)
    after = planned(rejected, url="https://shop.example/other", client_address=None)
    assert after.identity == before.identity
    assert after.origin == before.origin


def test_a_patch_can_mend_what_was_invalid() -> None:
    rejected = by_enricher(raw(event_name=""))
    assert refused(rejected).why is Refusal.INVALID
    assert planned(rejected, event_name="signup").identity.event_name == "signup"


def test_what_the_writer_would_reject_again_is_refused() -> None:
    rejected = by_writer(enriched(screen={"width": 70_000, "height": 1}))
    found = refused(rejected)
    assert (found.why, found.detail) == (Refusal.INVALID, "screen is larger than 65,535 pixels")
    assert (found.website_id, found.event_id) == ("shop", ID)
    assert planned(rejected, screen={"width": 700}).topic == ENRICHED.name


@pytest.mark.parametrize(
    ("rejected", "changes", "why"),
    [
        (b"\xff\xff", {}, Refusal.UNREADABLE),
        (by_writer(b""), {}, Refusal.INCOMPLETE),
        (by_enricher(raw(), detail="(first 3 of 4 bytes are kept)"), {}, Refusal.INCOMPLETE),
        (by_writer(b"\xff\xff"), {}, Refusal.UNDECODABLE),
        (by_enricher(b"\xff\xff"), {"url": "/"}, Refusal.UNDECODABLE),
        (by_enricher(raw()), {"website_id": "blog"}, Refusal.OTHER_EVENT),
        (by_enricher(raw()), {"page": {}}, Refusal.PATCH_UNFIT),
        (by_enricher(raw(timestamp_ms=0)), {}, Refusal.INVALID),
        (by_enricher(raw(event_type=9)), {}, Refusal.INVALID),
        (by_enricher(raw(event_id="x")), {}, Refusal.INVALID),
        (by_enricher(raw(event_data="a" * LARGEST_VALUE)), {}, Refusal.INVALID),
    ],
)
def test_what_cannot_be_replayed_is_refused_with_its_reason(
    rejected: RejectedEvent | bytes, changes: dict[str, Any], why: Refusal
) -> None:
    found = refused(rejected, **changes)
    assert found.why is why
    assert found.detail


def test_an_event_that_was_too_large_can_be_made_smaller() -> None:
    rejected = by_enricher(raw(event_data="a" * LARGEST_VALUE))
    assert planned(rejected, event_data="{}").partition == 3


def test_no_refusal_tells_what_is_in_the_event() -> None:
    secret = "someone@mail.example"
    rejected = by_enricher(raw(event_name="", event_data=secret, url=secret, visitor_id=secret))
    assert secret not in refused(rejected).detail


def test_copies_of_a_rejection_have_one_origin_and_other_bytes_another() -> None:
    event = raw()
    first, copy = (planned(by_enricher(event, rejected_at_ms=at)) for at in (1, 2))
    assert first.origin == copy.origin
    assert planned(by_enricher(raw(url="/other"))).origin != first.origin
