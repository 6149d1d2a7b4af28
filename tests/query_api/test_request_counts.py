import httpx
from prometheus_client import CollectorRegistry, Counter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from query_api.request_counts import RequestCounts


def answer(request: Request) -> Response:
    return Response(status_code=int(request.path_params.get("status", 200)))


async def test_paths_of_clients_never_become_labels() -> None:
    registry = CollectorRegistry()
    counter = Counter("answers", "Answers.", ["route", "status"], registry=registry)
    app = Starlette(routes=[Route("/status/{status:int}", answer), Route("/fixed", answer)])
    counted = RequestCounts(app, counter, frozenset({"/fixed"}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=counted), base_url="http://x") as client:
        for path in ("/status/200", "/status/201", "/fixed", "/secret/1", "/secret/2"):
            await client.get(path)
    found = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "answers_total"
    }
    assert found == {
        ("/status/{status:int}", "200"): 1,
        ("/status/{status:int}", "201"): 1,
        ("/fixed", "200"): 1,
        ("other", "404"): 2,
    }
