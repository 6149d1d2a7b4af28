"""Each accepted event is seen, on its way, or lost, and is one of them at a time."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as some

from canary.watch import Watch

STEPS = some.lists(
    some.one_of(
        some.tuples(some.just("accept"), some.integers(0, 9)),
        some.tuples(some.just("see"), some.integers(0, 9)),
        some.tuples(some.just("wait"), some.integers(1, 30)),
        some.tuples(some.just("let go"), some.just(0)),
    )
)


@given(STEPS)
def test_nothing_is_counted_twice_or_forgotten(steps: list[tuple[str, int]]) -> None:
    watch, now, last = Watch(patience_seconds=20, forget_seconds=50), 0.0, Counter[int]()
    sent: dict[str, float] = {}
    seen = lost = accepted = 0
    for what, number in steps:
        # An id is used once: the collector makes them.
        name = f"{number}-{last[number]}"
        if what == "accept":
            last[number] += 1
            name = f"{number}-{last[number]}"
            watch.accepted(name, now)
            sent[name], accepted = now, accepted + 1
        elif what == "see":
            ages = watch.seen([name, "a stranger's"], now).ages
            assert ages == ({name: now - sent.pop(name)} if name in sent else {})
            seen += len(ages)
        elif what == "wait":
            now += number
        else:
            gone = [name for name, at in sent.items() if now - at > 50]
            assert watch.lost(now) == len(gone)
            lost += len(gone)
            sent = {name: at for name, at in sent.items() if name not in gone}
        assert watch.missing(now) == sum(now - at > 20 for at in sent.values())
        assert watch.oldest(now) == (now - min(sent.values()) if sent else None)
    assert accepted == seen + lost + len(sent)


def test_an_event_that_is_answered_twice_is_told() -> None:
    watch = Watch(20, 50)
    watch.accepted("a", 1.0)
    sighting = watch.seen(["a", "b", "a"], 3.5)
    assert sighting.ages == {"a": 2.5}
    assert sighting.repeated == {"a"}
    assert watch.seen(["a"], 4.0).ages == {}
