"""What OpenAPI says of funnels, journeys and retention is true."""

from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from query_api.routes.funnels import FunnelAnswer
from query_api.routes.journeys import JourneyAnswer
from query_api.routes.retention import RetentionAnswer

MODELS: dict[str, type[BaseModel]] = {
    "funnels": FunnelAnswer,
    "journeys": JourneyAnswer,
    "retention": RetentionAnswer,
}


NEEDED: dict[str, dict[str, Any]] = {
    "funnels": {"steps": [{"page": "/"}, {"page": "/"}]},
    "journeys": {"anchor": {"page": "/"}},
    "retention": {"start": {"page": "/"}},
}


async def openapi_of(client: httpx.AsyncClient, what: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The endpoint, and all schemas."""
    document = (await client.get("/openapi.json")).json()
    return document["paths"][f"/api/websites/{{website_id}}/{what}"]["post"], document["components"][
        "schemas"
    ]


@pytest.mark.parametrize("what", MODELS)
async def test_the_example_of_the_answer_is_one(client: httpx.AsyncClient, what: str) -> None:
    _, schemas = await openapi_of(client, what)
    example = schemas[MODELS[what].__name__]["example"]
    assert MODELS[what].model_validate(example).model_dump(exclude_none=True) == example


@pytest.mark.parametrize("what", MODELS)
async def test_the_members_of_the_body_are_the_known_ones(client: httpx.AsyncClient, what: str) -> None:
    endpoint, _ = await openapi_of(client, what)
    schema = endpoint["requestBody"]["content"]["application/json"]["schema"]
    answer = await client.post(f"/api/websites/w/{what}", json={"qqqqqqqq": 1})
    known = answer.json()["error"]["message"].partition("known here: ")[2].split(", ")
    assert sorted(schema["properties"]) == sorted(known)


@pytest.mark.parametrize("what", MODELS)
async def test_defaults_are_those_of_the_schema(client: httpx.AsyncClient, engine: Any, what: str) -> None:
    endpoint, _ = await openapi_of(client, what)
    properties = endpoint["requestBody"]["content"]["application/json"]["schema"]["properties"]
    needed = NEEDED[what]
    defaults = {name: schema["default"] for name, schema in properties.items() if "default" in schema}
    for body in (needed, {**defaults, **needed}):
        assert (await client.post(f"/api/websites/w/{what}", json=body)).status_code == 200
    half = len(engine.statements) // 2
    assert engine.statements[:half] == engine.statements[half:]
