from hypothesis import given
from hypothesis import strategies as st

from devstack.backoff import Backoff

lives = st.floats(min_value=0, max_value=1e6)


def after(account: Backoff, *lived_s: float) -> Backoff:
    for life in lived_s:
        account = account.after_death(life)
    return account


def test_pauses_double_up_to_the_longest() -> None:
    account = Backoff(first_s=0.5, longest_s=3, quick_s=20, allowed=9)
    pauses = []
    for _ in range(5):
        account = account.after_death(1)
        pauses.append(account.pause_s)
    assert pauses == [0.5, 1, 2, 3, 3]


def test_it_gives_up_after_one_quick_death_too_many() -> None:
    account = Backoff(allowed=2)
    assert not after(account, 1, 1).exhausted
    assert after(account, 1, 1, 1).exhausted


def test_a_long_life_clears_the_account() -> None:
    account = Backoff(allowed=2, quick_s=20)
    assert after(account, 1, 1, 20).quick_deaths == 0
    assert not after(account, 1, 1, 20, 1, 1).exhausted


@given(st.lists(lives, max_size=30))
def test_pauses_stay_in_their_range(lived: list[float]) -> None:
    account = after(Backoff(), *lived)
    assert account.first_s <= account.pause_s <= account.longest_s


@given(st.lists(lives, max_size=30))
def test_it_gives_up_exactly_when_the_last_lives_were_all_quick(lived: list[float]) -> None:
    account = Backoff(allowed=3, quick_s=20)
    last = lived[-4:]
    assert after(account, *lived).exhausted == (len(last) == 4 and all(life < 20 for life in last))
