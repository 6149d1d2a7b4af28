"""The OpenAPI document tells the truth about parameters, answers and errors."""

from typing import Any

import httpx
import pytest
from pydantic import BaseModel, TypeAdapter

from query_api.question.dimensions import DIMENSIONS
from query_api.question.filters import Operator
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
PATHS_OF_BOTH = [BASE, BASE + "/properties", BASE + "/timeseries"]
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
    assert set(MODELS) <= set(openapi["paths"])
    for path in MODELS:
        methods = openapi["paths"][path]
        assert set(methods["get"]["responses"]) >= {
            "200",
            "400",
            "401",
            "403",
            "404",
            "405",
            "429",
            "503",
            "default",
        }
        assert "post" not in methods or "413" in methods["post"]["responses"]


def in_query(endpoint: dict[str, Any]) -> list[str]:
    return [
        item["name"] for item in endpoint["parameters"] if item["in"] == "query" and item["name"] != "filters"
    ]


async def test_documented_parameters_are_the_known_ones(
    openapi: dict[str, Any], client: httpx.AsyncClient
) -> None:
    for path in MODELS.keys() - {LAG}:  # takes none
        answer = await client.get(path.format(website_id="w"), params={"nonsense": "1"})
        known = answer.json()["error"]["message"].partition("known here: ")[2].partition(", and filters")[0]
        assert in_query(openapi["paths"][path]["get"]) == known.split(", ")


@pytest.mark.parametrize("path", PATHS_OF_BOTH)
async def test_a_body_has_the_members_that_a_query_string_has(
    openapi: dict[str, Any], client: httpx.AsyncClient, path: str
) -> None:
    endpoints = openapi["paths"][path]
    schema = endpoints["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert list(schema["properties"]) == [*in_query(endpoints["get"]), "filters"]
    assert schema["additionalProperties"] is False
    answer = await client.post(path.format(website_id="w"), json={"nonsense": 1})
    known = answer.json()["error"]["message"].partition("known here: ")[2]
    assert known.split(", ") == list(schema["properties"])


async def test_the_dimensions_and_operators_are_told(openapi: dict[str, Any]) -> None:
    [filters] = [item for item in openapi["paths"][BASE]["get"]["parameters"] if item["name"] == "filters"]
    for name in (*DIMENSIONS, *Operator):
        assert name in filters["description"]


async def test_examples_of_answers_are_answers(openapi: dict[str, Any]) -> None:
    for path, model in MODELS.items():
        name = openapi["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"][
            "$ref"
        ]
        example = openapi["components"]["schemas"][name.rpartition("/")[2]]["example"]
        assert TypeAdapter(model).validate_python(example).model_dump(exclude_none=True) == example


async def test_examples_of_errors_have_the_one_shape(openapi: dict[str, Any]) -> None:
    for path in MODELS:
        for endpoint in openapi["paths"][path].values():
            for status, answer in endpoint["responses"].items():
                if status != "200":
                    example = answer["content"]["application/json"]["example"]
                    ErrorAnswer.model_validate(example, strict=True)
                    assert set(example["error"]) >= {"code", "message", "field"}


async def test_the_page_for_people(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs")
    assert answer.status_code == 200
    assert "/openapi.json" in answer.text
