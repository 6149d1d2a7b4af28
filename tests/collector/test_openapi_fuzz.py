"""The OpenAPI document against the application: no 500, no status, type or body that it does not describe."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from collector.app import Application, make_app, make_health, make_intake
from collector.metrics import Metrics
from collector.settings import CollectorSettings
from collector.sinks.memory import MemorySink
from eventrail.clock import ManualClock

pytestmark = pytest.mark.slow

NOW_MS = 1_770_000_000_000
METRICS = Metrics()
REQUESTS = "eventrail_collector_requests_total"
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
    checks.allow_header_conformance,
]


def collector() -> Application:
    options = CollectorSettings()
    sink = MemorySink(partitions=3, keep=1)
    intake = make_intake(b"s" * 32, {"k1": b"k" * 32}, options)
    return make_app(options, intake, sink, make_health(sink, lambda: None), METRICS, ManualClock(NOW_MS))


@pytest.fixture(scope="module", autouse=True)
def answers_of_both_kinds() -> Iterator[None]:
    """Fails where the fuzz was never accepted, or never refused: then it would prove nothing."""
    yield
    for status in ("202", "400"):
        assert (METRICS.registry.get_sample_value(REQUESTS, {"status": status}) or 0) >= 5


schema = schemathesis.openapi.from_asgi("/openapi.json", collector())


@schema.parametrize()
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_describes(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(checks=CHECKS)


@pytest.mark.long
@pytest.mark.timeout(0)
@schema.parametrize()
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_describes_for_long(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(checks=CHECKS)
