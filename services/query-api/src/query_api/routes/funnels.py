"""`POST /api/websites/{website_id}/funnels`: how many get from step to step."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from query_api.queries import funnels
from query_api.question.following import DAY_SECONDS, MAX_WINDOW_SECONDS, By
from query_api.question.funnels import (
    DEFAULT_VALUES,
    MAX_STEPS,
    MAX_VALUES,
    MIN_STEPS,
    SHARED_FIELDS,
    Order,
    ask,
)
from query_api.routes.asking import Asking, WebsiteId
from query_api.routes.documentation import POST_ERRORS, Meta, body_of, members
from query_api.routes.happenings import HAPPENING_SCHEMA, LeftOut
from query_api.routes.left_out import left_out


class Seconds(BaseModel):
    """From the step before to this one, of those who reached it."""

    median: float = Field(ge=0)
    p90: float = Field(ge=0)
    average: float = Field(ge=0)


class Step(BaseModel):
    """One step, and how many reached it."""

    step: int = Field(ge=1)
    type: Literal["event", "page"]
    name: str
    count: int = Field(ge=0)
    conversion: float | None = Field(description="Share of those who entered, 0 to 1; null where nobody did.")
    conversion_from_previous: float | None = Field(
        None,
        description="Share of those who reached the step before; null for the first step, and of nobody.",
    )
    dropped: int = Field(ge=0, description="Reached the step before and not this one; 0 for the first step.")
    seconds: Seconds | None = Field(None, description="null for the first step, and where nobody reached it.")


class Totals(BaseModel):
    """The first step and the last one."""

    entered: int = Field(ge=0)
    converted: int = Field(ge=0)
    conversion: float | None


class ValueFunnel(BaseModel):
    """The funnel of those whose first event has this value."""

    value: str | None = Field(description="null for events without a value, and for all others together.")
    type: str | None = Field(description="string, number, boolean, array; null: not set; other: all others.")
    totals: Totals
    steps: list[Step]


class Funnel(BaseModel):
    """All steps in their order."""

    totals: Totals
    steps: list[Step]
    breakdown: list[ValueFunnel] | None = Field(
        None, description="By number of entered, descending; with breakdown."
    )


class FunnelMeta(Meta):
    """About the answer."""

    breakdown_values: int | None = Field(None, ge=0, description="How many values there are in all.")
    left_out: LeftOut | None = Field(None, description="Only by visitor with a window of more than a day.")


class FunnelAnswer(BaseModel):
    """How many get from step to step."""

    data: Funnel
    meta: FunnelMeta

    model_config = {
        "json_schema_extra": {
            "example": {
                "data": {
                    "totals": {"entered": 20, "converted": 9, "conversion": 0.45},
                    "steps": [
                        {
                            "step": 1,
                            "type": "page",
                            "name": "/products/*",
                            "count": 20,
                            "conversion": 1.0,
                            "dropped": 0,
                        },
                        {
                            "step": 2,
                            "type": "event",
                            "name": "purchase",
                            "count": 9,
                            "conversion": 0.45,
                            "conversion_from_previous": 0.45,
                            "dropped": 11,
                            "seconds": {"median": 93.0, "p90": 183.4, "average": 108.219},
                        },
                    ],
                },
                "meta": {
                    "data_through": "2026-03-01T12:00:03.412Z",
                    "exact": True,
                    "period": {
                        "start": "2026-02-01T00:00:00Z",
                        "end": "2026-03-02T00:00:00Z",
                        "timezone": "UTC",
                    },
                    "rows_read": 16384,
                    "bytes_read": 1048576,
                    "milliseconds": 21,
                },
            }
        }
    }


_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["steps"],
    "properties": {
        **members(SHARED_FIELDS),
        "steps": {
            "type": "array",
            "minItems": MIN_STEPS,
            "maxItems": MAX_STEPS,
            "items": HAPPENING_SCHEMA,
            "examples": [[{"page": "/products/*"}, {"event_name": "purchase"}]],
        },
        "window_seconds": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_WINDOW_SECONDS,
            "default": DAY_SECONDS,
            "description": "From the first step to the last, at most. By visitor with more than a day only visitor ids "
            "that clients sent are followed, because hashed ones change each day; meta.left_out says what is missing.",
        },
        "by": {"type": "string", "enum": [*By], "default": By.VISITOR.value},
        "order": {
            "type": "string",
            "enum": [*Order],
            "default": Order.ORDERED.value,
            "description": "strict: no event that is any of the steps lies between two steps.",
        },
        "breakdown": {
            "type": "string",
            "description": "A dimension, or prop. and the key of a property, of the event that is the first step.",
            "examples": ["country", "prop.plan"],
        },
        "limit": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_VALUES,
            "default": DEFAULT_VALUES,
            "description": "Most values of the breakdown; all others go together.",
        },
    },
}


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    @routes.post(
        "/api/websites/{website_id}/funnels",
        response_model=FunnelAnswer,
        responses=POST_ERRORS,
        openapi_extra=body_of(_SCHEMA),
        summary="How many get from step to step",
        operation_id="funnel",
    )
    async def funnel(request: Request, website_id: WebsiteId) -> JSONResponse:
        website = asking.website(request, website_id, "read")
        question, given = ask(await asking.document(request), asking.context(website))
        conversation = await asking.conversation(request, question.selection, given)
        data, told = funnels.answer(question, await conversation.rows(funnels.statement(question)))
        if question.clients_only:
            told |= await left_out(conversation, funnels.left_out_statement(question))
        days = question.by is By.VISITOR and not question.clients_only
        return JSONResponse({"data": data, "meta": conversation.meta(told, visitors=days)})

    return routes
