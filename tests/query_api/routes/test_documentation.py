"""The OpenAPI document tells the truth about parameters, answers and errors."""

from typing import Any

import httpx
import pytest
from pydantic import BaseModel, TypeAdapter

from query_api.routes.documentation import ErrorAnswer
from query_api.routes.events import EventsAnswer
from query_api.routes.lag import LagAnswer
from query_api.routes.ledger import LedgerAnswer
from query_api.routes.properties import PropertiesAnswer
from query_api.routes.rates import RatesAnswer
from query_api.routes.rejected import RejectedAnswer
from query_api.routes.timeseries import TimeseriesAnswer
from query_api.routes.websites import WebsitesAnswer

LAG = "/api/pipeline/lag"
BASE = "/api/websites/{website_id}/events"
MODELS: dict[str, type[BaseModel]] = {
    "/api/websites": WebsitesAnswer,
    BASE: EventsAnswer,
    BASE + "/properties": PropertiesAnswer,
    BASE + "/timeseries": TimeseriesAnswer,
    "/api/pipeline/ledger": LedgerAnswer,
    "/api/pipeline/rejected": RejectedAnswer,
    "/api/pipeline/rates": RatesAnswer,
    LAG: LagAnswer,
}


@pytest.fixture
async def openapi(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


async def test_the_endpoints_and_their_answers(openapi: dict[str, Any]) -> None:
    assert set(openapi["paths"]) == set(MODELS)
    for path in MODELS:
        answers = openapi["paths"][path]["get"]["responses"]
        assert set(answers) == {"200", "400", "401", "403", "404", "405", "429", "503", "default"}


async def test_documented_parameters_are_the_known_ones(
    openapi: dict[str, Any], client: httpx.AsyncClient
) -> None:
    for path in MODELS.keys() - {LAG}:  # takes none
        documented = [
            item["name"] for item in openapi["paths"][path]["get"]["parameters"] if item["in"] == "query"
        ]
        answer = await client.get(path.format(website_id="w"), params={"nonsense": "1"})
        known = answer.json()["error"]["message"].partition("known here: ")[2].split(", ")
        assert documented == known


async def test_examples_of_answers_are_answers(openapi: dict[str, Any]) -> None:
    for path, model in MODELS.items():
        name = openapi["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"][
            "$ref"
        ]
        example = openapi["components"]["schemas"][name.rpartition("/")[2]]["example"]
        assert TypeAdapter(model).validate_python(example).model_dump(exclude_none=True) == example


async def test_examples_of_errors_have_the_one_shape(openapi: dict[str, Any]) -> None:
    for path in MODELS:
        answers = openapi["paths"][path]["get"]["responses"]
        for status in ("400", "401", "403", "404", "405", "429", "503", "default"):
            example = answers[status]["content"]["application/json"]["example"]
            assert ErrorAnswer.model_validate(example, strict=True).model_dump() == example


async def test_the_page_for_people(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs")
    assert answer.status_code == 200
    assert "/openapi.json" in answer.text
