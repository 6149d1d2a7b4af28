"""What the reports of a spool come to, from their offsets alone."""

from eventrail.spools.reports import NOTHING, Spool, Spools, report


def spools(*records: tuple[int, bytes | None], key: bytes = b"ab12") -> Spools:
    made = Spools()
    for offset, value in records:
        made.take(offset, key, value, offset * 1000)
    return made


def test_the_first_report_registers_and_says_nothing_of_any_moment() -> None:
    assert list(spools((4, report(0, None, "host")))) == [Spool("ab12", "host", 0, 4000, NOTHING)]


def test_an_empty_report_counts_for_all_moments_up_to_the_record_it_names() -> None:
    (spool,) = spools((4, report(7, None, "host")), (5, report(0, 4, "host")))
    assert spool.was_empty_after(4)
    assert not spool.was_empty_after(5)


def test_a_report_with_events_takes_nothing_back() -> None:
    (spool,) = spools((4, report(0, None, "h")), (5, report(0, 4, "h")), (6, report(9, 5, "h")))
    assert (spool.events, spool.empty_after) == (9, 4)


def test_a_report_that_arrives_late_does_not_count_for_later_moments() -> None:
    late = report(0, 1, "h")
    (spool,) = spools((1, report(0, None, "h")), (8, report(3, 1, "h")), (9, late))
    assert not spool.was_empty_after(2)


def test_an_offset_of_a_topic_that_is_no_more_counts_for_nothing() -> None:
    (spool,) = spools((0, report(0, 1000, "h")), (1, report(0, 1, "h")))
    assert spool.empty_after == NOTHING


def test_a_record_without_value_takes_the_registration_back_and_it_begins_anew() -> None:
    known = spools((0, report(0, None, "h")), (1, report(0, 0, "h")), (2, None))
    assert len(known) == 0
    known.take(3, b"ab12", report(5, None, "h"), 0)
    assert [spool.empty_after for spool in known.holding(0)] == [NOTHING]


def test_what_cannot_be_read_holds() -> None:
    known = spools((0, report(0, None, "h")), (1, b"\xff\xff"))
    assert [(spool.id, spool.events) for spool in known.holding(0)] == [("ab12", None)]


def test_records_without_a_key_and_tombstones_of_nobody_say_nothing() -> None:
    known = Spools()
    known.take(0, None, report(1, None, "h"), 0)
    known.take(1, b"rights-test", None, 0)
    assert list(known) == []


def test_only_those_hold_that_were_not_empty_since() -> None:
    known = spools((0, report(0, None, "h")), (1, report(0, 0, "h")))
    known.take(2, b"cd34", report(2, None, "h"), 0)
    assert [spool.id for spool in known.holding(0)] == ["cd34"]
    assert [spool.id for spool in known.holding(1)] == ["ab12", "cd34"]
