import pytest

from enricher import waits as waits_module
from enricher.metrics import Metrics
from enricher.waits import ADDRESS_KEY, KAFKA, Waits
from eventrail.clock import ManualClock


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def gauge(metrics: Metrics, cause: str) -> float | None:
    return metrics.registry.get_sample_value("eventrail_enricher_waiting", {"cause": cause})


def test_a_wait_is_named_and_measured_until_it_ends(metrics: Metrics) -> None:
    waits = Waits(metrics, ManualClock())
    assert not waits
    assert gauge(metrics, KAFKA) == 0
    waits.begin(KAFKA, "no answer")
    assert waits
    assert str(waits) == "no answer"
    assert gauge(metrics, KAFKA) == 1
    waits.end(KAFKA)
    waits.end(ADDRESS_KEY)
    assert not waits
    assert gauge(metrics, KAFKA) == 0


def test_one_warning_a_minute_for_each_cause(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(waits_module._log, "warning", lambda _event, cause, why: warned.append(cause))
    clock = ManualClock()
    waits = Waits(metrics, clock)
    for _ in range(119):
        waits.begin(ADDRESS_KEY, "key t2 is missing")
        waits.begin(KAFKA, "no answer")
        waits.end(KAFKA)
        clock.advance(1)
    assert warned == [ADDRESS_KEY, KAFKA] * 2


def test_it_ends_however_its_block_is_left(metrics: Metrics) -> None:
    waits = Waits(metrics, ManualClock())

    def breaks() -> None:
        with waits.until_left(KAFKA):
            waits.begin(KAFKA, "no answer")
            raise KeyError

    with pytest.raises(KeyError):
        breaks()
    assert not waits
