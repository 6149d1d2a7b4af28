"""The catalogue: every metric is there from the start, named and explained."""

from prometheus_client import CollectorRegistry

from writer.metrics import metrics


def test_names_and_texts() -> None:
    registry = CollectorRegistry()
    metrics(registry)
    families = list(registry.collect())
    assert len(families) == 18
    for family in families:
        assert family.name.startswith("eventrail_writer_")
        assert family.documentation.endswith(".")


def test_each_reason_is_counted_from_the_start() -> None:
    registry = CollectorRegistry()
    metrics(registry)
    assert registry.get_sample_value("eventrail_writer_rejected_total", {"reason": "insert_refused"}) == 0


def test_two_registries_do_not_disturb_each_other() -> None:
    one, two = CollectorRegistry(), CollectorRegistry()
    metrics(one).rows_inserted.inc(3)
    metrics(two)
    assert one.get_sample_value("eventrail_writer_rows_inserted_total") == 3
    assert two.get_sample_value("eventrail_writer_rows_inserted_total") == 0
