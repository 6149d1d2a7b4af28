"""`GET` and `POST /api/websites/{website_id}/events/properties` (spec "Event Properties Breakdown")."""

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from query_api.queries import properties
from query_api.question.properties import FIELDS, ask
from query_api.routes.asking import Asking, WebsiteId
from query_api.routes.documentation import Meta, ask_both_ways


class ValueCount(BaseModel):
    """A value and how many events carried it."""

    value: str = Field(description="As text: numbers as they were sent, arrays as JSON.")
    count: int = Field(ge=1)
    type: str = Field(
        description="string, number, boolean or array: the text 1 and the number 1 are two values."
    )


class NumberStatistics(BaseModel):
    """Over all values of the key that are numbers; percentiles are exact, interpolated between neighbours."""

    count: int = Field(ge=1)
    sum: float | None = Field(description="null where it is beyond the range of doubles")
    average: float | None
    min: float
    max: float
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


class PropertyBreakdown(BaseModel):
    """A key (a dotted path for nested objects) and its values by count descending, then by value.

    The counts of `values`, `other` and `not_set` add up to `meta.events`.
    """

    property_key: str
    values: list[ValueCount]
    other: int = Field(ge=0, description="Events with a value that is not in `values`.")
    not_set: int = Field(ge=0, description="Events without this key.")
    types: dict[str, int] = Field(description="Events by the type of the value.")
    numbers: NumberStatistics | None = Field(None, description="Only where there are numbers.")


class PropertiesMeta(Meta):
    """About the answer."""

    events: int = Field(ge=0, description="How many events match, with properties or without.")
    property_keys: int = Field(ge=0, description="How many keys there are in all.")
    truncated: bool
    property_keys_left_out: int = Field(ge=0, description="How many rarer keys are not in `data`.")
    values_left_out: dict[str, int] = Field(description="By key: how many rarer values are not in `data`.")


class PropertiesAnswer(BaseModel):
    """Keys by how many events carried them descending, then by key."""

    data: list[PropertyBreakdown]
    meta: PropertiesMeta

    model_config = {
        "json_schema_extra": {
            "example": {
                "data": [
                    {
                        "property_key": "plan",
                        "values": [
                            {"value": "pro", "count": 56, "type": "string"},
                            {"value": "enterprise", "count": 33, "type": "string"},
                        ],
                        "other": 0,
                        "not_set": 0,
                        "types": {"string": 89},
                    },
                    {
                        "property_key": "items",
                        "values": [{"value": "2", "count": 17, "type": "number"}],
                        "other": 0,
                        "not_set": 72,
                        "types": {"number": 17},
                        "numbers": {
                            "count": 17, "sum": 34, "average": 2, "min": 2, "max": 2,
                            "p50": 2, "p90": 2, "p95": 2, "p99": 2,
                        },
                    },
                ],
                "meta": {
                    "data_through": "2026-03-01T12:00:03.412Z",
                    "exact": True,
                    "period": {"start": "2026-02-01T00:00:00Z", "end": "2026-03-02T00:00:00Z", "timezone": "UTC"},
                    "rows_read": 8192,
                    "bytes_read": 524288,
                    "milliseconds": 12,
                    "events": 89,
                    "property_keys": 2,
                    "truncated": False,
                    "property_keys_left_out": 0,
                    "values_left_out": {},
                },
            }
        }
    }  # fmt: skip


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    async def event_properties(request: Request, website_id: WebsiteId) -> JSONResponse:
        website = asking.website(request, website_id, "read")
        given = await asking.given(request, FIELDS)
        question = ask(given, asking.context(website))
        conversation = await asking.conversation(request, question.selection, given)
        rows = await conversation.rows(properties.statement(question))
        [(matched,)] = await conversation.rows(properties.matched_statement(question))
        data, told = properties.answer(question, rows, matched)
        return JSONResponse({"data": data, "meta": conversation.meta(told)})

    ask_both_ways(
        routes,
        "/api/websites/{website_id}/events/properties",
        event_properties,
        fields=FIELDS,
        model=PropertiesAnswer,
        operation_id="event_properties",
        summary="Property keys and values of one event",
    )
    return routes
