from prometheus_client import generate_latest

from enricher.metrics import Metrics


def test_every_metric_has_its_prefix_and_a_help_text() -> None:
    metrics = Metrics()
    families = [family for family in metrics.registry.collect() if not family.name.startswith("process_")]
    assert len(families) >= 11
    for family in families:
        assert family.name.startswith("eventrail_")
        assert family.documentation.endswith(".")


def test_each_reason_is_counted_from_the_start() -> None:
    shown = generate_latest(Metrics().registry)
    assert b'eventrail_enricher_rejected_total{reason="too_large"} 0.0' in shown


def test_two_catalogues_do_not_meet() -> None:
    first, second = Metrics(), Metrics()
    first.events_in.inc(3)
    assert b"eventrail_enricher_events_in_total 0.0" in generate_latest(second.registry)
