from enricher.gathering import AT_ONCE, GATHERED, Gathering


def test_nothing_waits_before_a_second_is_counted() -> None:
    gathering = Gathering(10.0)
    assert gathering.answer(5_000, 10.9) is AT_ONCE
    assert gathering.answer(0, 11.0) is GATHERED


def test_few_records_are_answered_at_once() -> None:
    gathering = Gathering(0.0)
    assert [gathering.answer(49, second / 2) for second in range(1, 20)] == [AT_ONCE] * 19


def test_a_hundred_a_second_are_many() -> None:
    gathering = Gathering(0.0)
    assert gathering.answer(99, 1.0) is AT_ONCE
    assert gathering.answer(100, 2.0) is GATHERED


def test_after_a_flood_the_broker_is_asked_rarely_again() -> None:
    gathering = Gathering(0.0)
    assert gathering.answer(1_000, 1.0) is GATHERED
    assert gathering.answer(0, 1.9) is GATHERED
    assert gathering.answer(0, 2.1) is AT_ONCE


def test_many_are_many_by_the_second_and_not_by_the_call() -> None:
    gathering = Gathering(0.0)
    assert gathering.answer(300, 5.0) is AT_ONCE
