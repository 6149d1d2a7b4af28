import json

from eventrail.rejected import listing
from tests.eventrail.rejected.making import ID, by_enricher, by_writer, enriched, raw, record


def test_a_line_tells_what_and_why() -> None:
    told = listing.summary(record(by_writer(enriched()), 3, 70))
    assert (
        listing.line(told).split()
        == (
            f"3:70 2026-05-29T12:00:00.009Z writer insert_refused shop {ID} "
            "ClickHouse refuses with code 469 VIOLATED_CONSTRAINT"
        ).split()
    )


def test_columns_stand_below_their_heads() -> None:
    line = listing.line(listing.summary(record(by_writer(enriched()), 3, 70)))
    for name, value in (("STAGE", "writer"), ("EVENT ID", ID), ("DETAIL", "ClickHouse")):
        assert listing.head().index(name) == line.index(value)


def test_nothing_in_it_can_steer_a_terminal() -> None:
    evil = "\x1b[2Jshop\r\n\u202e\x9b"
    told = listing.summary(record(by_enricher(raw(website_id=evil), detail=evil)))
    line = listing.line(told)
    assert line.isprintable()
    assert r"\x1b[2Jshop\r\n\u202e\x9b" in line
    assert json.loads(json.dumps(listing.as_json(told)))["website_id"] == evil


def test_as_json_all_is_told_but_the_bytes() -> None:
    rejected = by_enricher(raw())
    told = listing.as_json(listing.summary(record(rejected, 1, 2)))
    assert told == {
        "address": "1:2",
        "rejected_at": "2026-05-29T12:00:00.005Z",
        "stage": "enricher",
        "reason": "invalid",
        "detail": "a custom event without event_name",
        "website_id": "shop",
        "event_id": ID,
        "source": {"topic": "eventrail.raw.v1", "partition": 3, "offset": 70, "index": 1},
        "original_bytes": len(rejected.original),
        "software_version": "0.1.0",
    }


def test_what_cannot_be_read_is_listed_too() -> None:
    line = listing.line(listing.summary(record(b"\xff\xff", 1, 2)))
    assert line.split()[:6] == ["1:2", "2026-05-29T12:00:00.010Z", "unreadable", "-", "-", "-"]
    assert line.endswith("2 bytes that are no RejectedEvent")
