import gc
from weakref import ref

import pytest

from enricher.lookups.salts import DaySalts, SaltMissing
from enricher.lookups.visitor_ids import VisitorIds

DAY = 20_780  # 2026-11-23


def test_a_salt_that_is_known_is_given() -> None:
    assert DaySalts({DAY: b"s" * 32}, first_kept=DAY - 2).of(DAY) == b"s" * 32


@pytest.mark.parametrize("day", [DAY - 2, DAY, DAY + 1, DAY + 400])
def test_a_salt_that_can_still_come_is_missing(day: int) -> None:
    with pytest.raises(SaltMissing, match="no salt of the UTC day 202"):
        DaySalts({}, first_kept=DAY - 2).of(day)


def test_before_the_first_look_every_salt_is_missing_and_none_is_gone() -> None:
    with pytest.raises(SaltMissing):
        DaySalts().of(0)


def test_a_day_that_is_over_too_long_is_gone_whatever_was_handed_in() -> None:
    salts = DaySalts({DAY - 3: b"o" * 32, DAY: b"n" * 32}, first_kept=DAY - 2)
    assert salts.of(DAY - 3) is None
    assert len(salts) == 1


def test_what_cannot_be_read_here_says_why() -> None:
    salts = DaySalts()
    salts.know({}, DAY - 2, {DAY: "EVENTRAIL_SALT_KEYS has no key 's9'"})
    with pytest.raises(SaltMissing, match="has no key 's9'"):
        salts.of(DAY)


def test_what_is_known_is_replaced_as_a_whole() -> None:
    salts = DaySalts({DAY: b"a" * 32}, first_kept=DAY)
    salts.know({DAY + 1: b"b" * 32}, DAY + 1)
    assert salts.of(DAY) is None
    assert salts.of(DAY + 1) == b"b" * 32


def test_visitor_ids_are_those_of_the_days_salt() -> None:
    salts = DaySalts({DAY: b"a" * 32, DAY + 1: b"b" * 32}, first_kept=DAY)
    facts = ("shop", b"\x51\x02\x45\x8e", "curl/8.5.0")
    for day, salt in ((DAY, b"a" * 32), (DAY + 1, b"b" * 32)):
        ids = salts.visitors(day)
        assert ids is not None
        assert ids.of(*facts) == VisitorIds(salt).of(*facts)
        salts.know({DAY: b"a" * 32, DAY + 1: b"b" * 32}, DAY)
        assert salts.visitors(day) is ids
    assert salts.visitors(DAY - 1) is None
    with pytest.raises(SaltMissing):
        salts.visitors(DAY + 2)


def test_with_a_salt_all_goes_that_was_made_of_it() -> None:
    salts = DaySalts({DAY: b"a" * 32}, first_kept=DAY)
    ids = salts.visitors(DAY)
    assert ids is not None
    ids.of("shop", b"\x51\x02\x45\x8e", "curl/8.5.0")
    seen = ref(ids)
    del ids
    gc.disable()
    try:
        salts.know({DAY + 1: b"b" * 32}, DAY + 1)
        assert seen() is None
    finally:
        gc.enable()
    assert salts.visitors(DAY) is None


def test_another_salt_of_a_day_gives_other_visitor_ids() -> None:
    salts = DaySalts({DAY: b"a" * 32}, first_kept=DAY)
    before = salts.visitors(DAY)
    salts.know({DAY: b"b" * 32}, DAY)
    assert salts.visitors(DAY) is not before
