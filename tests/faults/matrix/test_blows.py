"""A seed decides everything, and every kind of blow is drawn."""

from collections import Counter

from tests.faults.matrix.blows import KINDS, plan


def test_a_seed_gives_the_same_plan_again() -> None:
    for seed in range(50):
        one, two = plan(seed), plan(seed)
        assert (one.kind, one.words, one.at_s, one.services) == (two.kind, two.words, two.at_s, two.services)


def test_200_seeds_draw_every_kind() -> None:
    drawn = Counter(plan(seed).kind for seed in range(1, 201))
    assert set(drawn) == set(KINDS)


def test_a_kind_can_be_asked_for() -> None:
    assert {plan(seed, "full disk").kind for seed in range(5)} == {"full disk"}
