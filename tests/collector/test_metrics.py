from collector.metrics import Metrics
from collector.sinks.backlog import Backlog


def test_every_figure_has_a_unit_or_meaning_and_none_names_a_website() -> None:
    for family in Metrics().registry.collect():
        if family.name.startswith("eventrail_"):
            assert family.documentation.endswith("."), family.name
            assert all("website" not in sample.labels for sample in family.samples)


def test_each_code_is_counted_from_the_start() -> None:
    value = Metrics().registry.get_sample_value
    assert value("eventrail_collector_events_refused_total", {"code": "unavailable"}) == 0


def test_the_queue_is_read_when_it_is_asked_for() -> None:
    metrics, backlog = Metrics(), Backlog(10, 1000)
    metrics.watch(backlog, lambda: True)
    backlog.events, backlog.bytes = 7, 300
    value = metrics.registry.get_sample_value
    assert value("eventrail_collector_queue_events") == 7
    assert value("eventrail_collector_queue_bytes") == 300
    assert value("eventrail_collector_kafka_up") == 1


def test_a_send_is_counted_once_and_its_chunks_each() -> None:
    metrics = Metrics()
    metrics.sent(700, [b"x" * 500, b"y" * 300])
    value = metrics.registry.get_sample_value
    assert value("eventrail_collector_send_events_sum") == 700
    assert value("eventrail_collector_chunk_bytes_count") == 2
    assert value("eventrail_collector_chunk_bytes_sum") == 800
