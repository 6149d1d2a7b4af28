"""One traced request at a whole river: its trace goes from the collector to the row, and says nothing of the client."""

import asyncio
import gzip
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devstack.ports import Addresses, free_addresses
from eventrail.contract.codec import TRACEPARENT_HEADER
from eventrail.contract.topics import ENRICHED
from eventrail.health import serving
from tests.pipeline.river import River, until
from tests.pipeline.running import talking, up

pytestmark = pytest.mark.stack

CLIENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Backend:
    """What takes spans by OTLP over HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp)."""

    def __init__(self) -> None:
        self.address = free_addresses(random.Random()).auditor
        self.spans: dict[str, list[Span]] = {}
        self.bodies: list[bytes] = []

    async def take(self, request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            facts = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans.setdefault(facts["service.name"], []).extend(scope.spans)
        return Response(b"", media_type="application/x-protobuf")


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    made = Backend()
    app = Starlette(routes=[Route("/v1/traces", made.take, methods=["POST"])])
    async with serving(app, str(made.address)):
        yield made


async def test_one_trace_from_the_request_to_the_row(backend: Backend, tmp_path: Path) -> None:
    settings = {
        "EVENTRAIL_TRACES_SHARE": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": backend.address.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    running = up(tmp_path, **settings)
    found: tuple[Addresses, Path, dict[str, str]] = await asyncio.to_thread(running.__enter__)
    try:
        async with talking(*found) as river:
            await _follow(river, backend)
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


async def _follow(river: River, backend: Backend) -> None:
    answer = await river.collector.post(
        "/api/collect",
        json=[
            {"website_id": "shop", "event_type": "custom", "event_name": "bought", "url": "/secret-page"},
            {"website_id": "shop", "event_type": "custom", "event_name": "bought", "visitor_id": "somebody"},
        ],
        headers={"traceparent": CLIENT, "user-agent": AGENT},
    )
    assert answer.status_code == 202

    async def services() -> set[str]:
        return set(backend.spans)

    await until(services, {"collector", "enricher", "writer"}.__eq__)
    assert await river.counts("shop") == {"bought": 2}
    [collect] = backend.spans["collector"]
    assert collect.trace_id.hex() == CLIENT.split("-")[1]
    assert collect.parent_span_id.hex() == CLIENT.split("-")[2]
    for service, name in (("enricher", "enrich"), ("writer", "write")):
        for span in backend.spans[service]:
            assert (span.name, span.trace_id, span.parent_span_id) == (
                name,
                collect.trace_id,
                collect.span_id,
            )
            assert collect.start_time_unix_nano - 2_000_000 <= span.start_time_unix_nano
            assert span.start_time_unix_nano <= span.end_time_unix_nano
        assert sum(_events(span) for span in backend.spans[service]) == 2
    told = b"".join(backend.bodies)
    for private in (b"127.0.0.1", AGENT.encode(), b"secret-page", b"somebody"):
        assert private not in told
    context = f"00-{collect.trace_id.hex()}-{collect.span_id.hex()}-01".encode()
    assert await _contexts(river) == [context, context]


def _events(span: Span) -> int:
    return next(one.value.int_value for one in span.attributes if one.key == "eventrail.events")


async def _contexts(river: River) -> list[bytes]:
    """The context with which subscribers continue the trace, of both records."""
    found: list[bytes] = []
    consumer = AIOKafkaConsumer(
        ENRICHED.name, bootstrap_servers=river.kafka, group_id=None, auto_offset_reset="earliest"
    )
    async with consumer, asyncio.timeout(30):
        while len(found) < 2:
            record = await consumer.getone()
            found.append(dict(record.headers)[TRACEPARENT_HEADER])
    return found
