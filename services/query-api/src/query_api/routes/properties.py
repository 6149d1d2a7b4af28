"""`GET /api/websites/{website_id}/events/properties` (spec "Event Properties Breakdown")."""

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from query_api.queries import properties
from query_api.question import PROPERTIES_PARAMETERS, ask_properties
from query_api.routes.asking import Asking, WebsiteId
from query_api.routes.documentation import ERRORS, parameters


class ValueCount(BaseModel):
    """A value, always as text, and how many events carried it."""

    value: str
    count: int = Field(ge=1)


class PropertyBreakdown(BaseModel):
    """A key (a dotted path for nested objects) and its values by count descending, then by value."""

    property_key: str
    values: list[ValueCount]


class PropertiesMeta(BaseModel):
    """Only there when something was left out."""

    truncated: bool
    property_keys_left_out: int = Field(ge=0, description="How many rarer keys are not in `data`.")
    values_left_out: dict[str, int] = Field(description="By key: how many rarer values are not in `data`.")


class PropertiesAnswer(BaseModel):
    """Keys by how many events carried them descending, then by key."""

    data: list[PropertyBreakdown]
    meta: PropertiesMeta | None = None

    model_config = {
        "json_schema_extra": {
            "example": {
                "data": [
                    {
                        "property_key": "plan",
                        "values": [{"value": "pro", "count": 56}, {"value": "enterprise", "count": 33}],
                    },
                    {
                        "property_key": "currency",
                        "values": [{"value": "USD", "count": 72}, {"value": "EUR", "count": 17}],
                    },
                ]
            }
        }
    }


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()
    settings = asking.settings

    @routes.get(
        "/api/websites/{website_id}/events/properties",
        response_model=PropertiesAnswer,
        responses=ERRORS,
        openapi_extra=parameters(PROPERTIES_PARAMETERS),
        summary="Property keys and values of one event",
        operation_id="event_properties",
    )
    async def event_properties(request: Request, website_id: WebsiteId) -> JSONResponse:
        asking.website(request, website_id, "read")
        left_out = asking.left_out(website_id)
        question = ask_properties(website_id, request.scope["query_string"], asking.today(), left_out)
        statement = properties.statement(question, settings.max_property_keys, settings.max_property_values)
        answer = await asking.answer(request, statement)
        return JSONResponse(properties.answer(answer.rows))

    return routes
