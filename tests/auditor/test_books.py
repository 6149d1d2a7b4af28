from hypothesis import given
from hypothesis import strategies as st

from auditor.books import KEPT_EXPIRED_SECONDS, Books
from auditor.checkpoints import Checkpoints
from auditor.rounds import Minutes
from auditor.statements import Expired

NOW = 1_795_440_000


def books() -> Books:
    made = Books(Minutes(100, 10, 48), Checkpoints(0))
    made.logs = {0: 1, 1: 1}
    return made


def covered(ranges: list[Expired]) -> set[tuple[int, int, int]]:
    return {
        (one.raw_partition, one.raw_log, offset) for one in ranges for offset in range(one.first, one.end)
    }


@given(
    st.lists(
        st.builds(
            lambda partition, log, first, length, unread, minute: Expired(
                partition, log, first, first + length, unread, NOW + 60 * minute
            ),
            st.integers(0, 1),
            st.integers(1, 2),
            st.integers(0, 20),
            st.integers(1, 6),
            st.integers(0, 9),
            st.integers(0, 3),
        ),
        max_size=20,
    )
)
def test_any_ranges_keep_their_offsets_and_losses_and_do_not_touch(found: list[Expired]) -> None:
    made = books()
    made.restore([], found)
    assert covered(made.expired) == covered(found)
    assert not any(
        one.touches(other) for n, one in enumerate(made.expired) for other in made.expired[n + 1 :]
    )
    for minute in {one.minute for one in found}:
        assert made.lost[minute] == sum(one.unread for one in found if one.minute == minute)


def test_what_is_old_goes_unless_the_enricher_did_not_pass_it() -> None:
    made, old = books(), NOW - KEPT_EXPIRED_SECONDS - 60
    passed, ahead = Expired(0, 1, 2, 4, 1, old), Expired(1, 1, 2, 4, 1, old)
    of_before, fresh = Expired(1, 0, 2, 4, 1, old), Expired(0, 1, 7, 9, 1, NOW)
    made.restore([], [passed, ahead, of_before, fresh])
    made.drop_expired(NOW, {0: 9, 1: 3})
    assert set(made.expired) == {ahead, fresh}
    assert dict(made.lost) == {NOW: 1}
