"""The rule that no two readers disagree, whoever wrote, however late, and whatever was cleaned meanwhile."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from enricher.salts.agreement import Agreement, SaltRecord, agree, day_of, record_key
from enricher.salts.log import MemorySaltLog
from enricher.salts.sealing import SaltSealer
from eventrail.clock import ManualClock

DAY = 20_780
SEALER = SaltSealer({"s1": bytes(range(32))})
OTHERS = SaltSealer({"s2": bytes(32)})


def key(number: int, day: int = DAY) -> bytes:
    return record_key(day, number.to_bytes(8, "big"))


def salt(number: int) -> bytes:
    return number.to_bytes(32, "big")


def candidate(offset: int, number: int, day: int = DAY, sealer: SaltSealer = SEALER) -> SaltRecord:
    name = key(number, day)
    return SaltRecord(offset, name, sealer.seal(salt(number), name))


def test_the_first_candidate_wins_and_the_later_ones_may_go() -> None:
    found = agree([candidate(3, 1), candidate(4, 2), candidate(9, 3)], SEALER)
    assert found.salts == {DAY: salt(1)}
    assert found.useless == [key(2), key(3)]


def test_each_day_has_its_own() -> None:
    found = agree([candidate(0, 1), candidate(1, 2, DAY + 1), candidate(2, 3)], SEALER)
    assert found.salts == {DAY: salt(1), DAY + 1: salt(2)}
    assert found.lacks(range(DAY - 1, DAY + 3)) == [DAY - 1, DAY + 2]


def test_a_tombstone_takes_a_candidate_out_also_while_its_value_is_still_there() -> None:
    found = agree([candidate(0, 1), candidate(1, 2), SaltRecord(2, key(1), None)], SEALER)
    assert found.salts == {DAY: salt(2)}
    assert found.useless == [key(1)]


def test_garbage_and_forgeries_are_stepped_over_by_everybody() -> None:
    moved = SaltRecord(0, key(1), candidate(0, 1, DAY + 1).value)
    found = agree(
        [moved, SaltRecord(1, key(9), b"\xff"), SaltRecord(2, b"else", b"x"), candidate(3, 2)], SEALER
    )
    assert found.salts == {DAY: salt(2)}
    assert found.useless == [key(1), key(9)]


def test_a_first_candidate_that_only_others_can_read_keeps_the_day() -> None:
    found = agree([candidate(0, 1, sealer=OTHERS), candidate(1, 2)], SEALER)
    assert found.salts == {}
    assert "has no key 's2'" in found.unreadable[DAY]
    assert found.lacks([DAY]) == []
    assert found.useless == [key(2)]


def test_what_is_over_is_overdue_and_a_day_s_salt_goes_behind_its_rivals() -> None:
    records = [candidate(0, 1), candidate(1, 2), candidate(2, 3, DAY + 1), candidate(3, 4, sealer=OTHERS)]
    found = agree(records, SEALER)
    assert found.overdue(DAY) == [key(2), key(4)]
    assert found.overdue(DAY + 1) == [key(2), key(4), key(1)]
    found.forget(DAY + 1)
    assert list(found.salts) == [DAY + 1]


def test_keys_of_other_things_have_no_day() -> None:
    assert day_of(key(1)) == DAY
    for other in (
        b"clock",
        b"2026-11-23",
        b"2026-02-30/0123456789abcdef",
        b"2026-11-23/0123456789ABCDEF",
        b"",
    ):
        assert day_of(other) is None


async def _play(steps: list[tuple[str, int]]) -> list[Agreement]:
    """What a reader finds after each step of writers, losers' removal and the broker's cleaner."""
    log = MemorySaltLog(ManualClock())
    views = []
    for number, (what, day) in enumerate(steps):
        if what == "write":
            name = key(number, day)
            await log.append([(name, SEALER.seal(salt(number), name))])
        elif what == "tidy":
            await log.append([(name, None) for name in agree(await log.read(), SEALER).useless])
        else:
            log.compact()
        views.append(agree(await log.read(), SEALER))
    return views


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["write", "write", "tidy", "compact"]), st.integers(1, 3)), max_size=30
    )
)
async def test_a_salt_that_was_once_seen_is_never_another(steps: list[tuple[str, int]]) -> None:
    views = await _play(steps)
    for earlier, later in pairwise(views):
        assert earlier.salts.items() <= later.salts.items()
