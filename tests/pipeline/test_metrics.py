"""What a real run exposes is what docs/metrics.md lists, and what alert rules and dashboards are checked against."""

import random
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy import metrics_page
from tests.pipeline.river import River, until

pytestmark = pytest.mark.stack

WITHOUT_A_FILE = {"eventrail_websites", "eventrail_websites_broken"}
"""Not there in this stack, which has no websites file."""


async def exposed(river: River) -> list[Metric]:
    """What the five services tell, apart from the figures of their processes."""
    found: list[Metric] = []
    async with httpx.AsyncClient() as client:
        for program in river.status():
            if program["name"] not in ("kafka", "clickhouse"):
                text = (await client.get(f"http://{program['address']}/metrics")).text
                found += text_string_to_metric_families(text)
    return [family for family in found if family.name.startswith("eventrail_")]


def total(families: list[Metric], name: str, **labels: str) -> float:
    """Sum of all samples of that name with these labels."""
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@pytest.fixture(scope="module")
async def families(river: River) -> list[Metric]:
    """After an event went all the way, a bad one was refused, and both were counted."""
    website = f"site-{random.randrange(10**12)}"
    event = {"website_id": website, "event_type": "custom", "event_name": "seen"}
    rows = "eventrail_writer_rows_inserted_total"
    before = total(await exposed(river), rows)
    assert (await river.post([event, event])).status_code == 202
    assert (await river.post({**event, "event_name": ""})).status_code == 400
    await until(lambda: river.counts(website), {"seen": 2}.__eq__)
    found: list[Metric] = await until(lambda: exposed(river), lambda told: total(told, rows) >= before + 2)
    return found


async def test_a_real_run_exposes_what_the_page_lists(families: list[Metric]) -> None:
    # The canary is no part of the river; test_canary.py looks at its own.
    listed = {(row.name, row.kind) for row in metrics_page.rows() if row.section != "Canary"}
    real = {(_asked(family), family.type) for family in families}
    assert real == {(name, kind) for name, kind in listed if name not in WITHOUT_A_FILE}


async def test_labels_and_their_values_are_those_of_the_page(families: list[Metric]) -> None:
    labels = {row.name: set(row.labels) for row in metrics_page.rows()}
    values = metrics_page.labels()
    for family in families:
        for label, value in _labels(family):
            assert label in labels[_asked(family)], family.name
            assert not values[label] or value in values[label], f"{family.name} {label}"


async def test_the_figures_of_one_event_are_there(families: list[Metric]) -> None:
    assert total(families, "eventrail_collector_events_accepted_total") >= 2
    assert total(families, "eventrail_collector_events_refused_total", code="validation_error") >= 1
    assert total(families, "eventrail_enricher_age_seconds_count") >= 1
    assert total(families, "eventrail_enricher_age_seconds_sum") > 0
    assert total(families, "eventrail_writer_age_seconds_count") >= 1
    assert total(families, "eventrail_writer_insert_seconds_count") >= 1
    assert total(families, "eventrail_query_api_data_through_age_seconds") > 0


def _asked(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _labels(family: Metric) -> Iterator[tuple[str, str]]:
    for sample in family.samples:
        yield from ((label, value) for label, value in sample.labels.items() if label != "le")
