"""`POST /api/websites/{website_id}/retention`: who comes back."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from query_api.queries import retention
from query_api.question.retention import DEFAULT_PERIODS, GRANULARITIES, MAX_PERIODS, SHARED_FIELDS, ask
from query_api.routes.asking import Asking, WebsiteId
from query_api.routes.documentation import POST_ERRORS, Meta, body_of, members
from query_api.routes.happenings import HAPPENING_SCHEMA, LeftOut
from query_api.routes.left_out import left_out


class Cohort(BaseModel):
    """Visitors who began in the same step."""

    date: str = Field(description="YYYY-MM-DD: the day, the week's or the month's first day.")
    visitors: int = Field(ge=0, description="How many began.")
    returned: list[int] = Field(
        description="How many of them returned in the same step, in the next one, and so on, while the period lasts."
    )


class Retention(BaseModel):
    """A cohort for each step that the period touches, in order."""

    cohorts: list[Cohort]
    granularity: Literal["day", "week", "month"]


class RetentionMeta(Meta):
    """About the answer."""

    left_out: LeftOut


class RetentionAnswer(BaseModel):
    """Who comes back."""

    data: Retention
    meta: RetentionMeta

    model_config = {
        "json_schema_extra": {
            "example": {
                "data": {
                    "cohorts": [
                        {"date": "2026-02-02", "visitors": 40, "returned": [31, 12, 7]},
                        {"date": "2026-02-09", "visitors": 52, "returned": [40, 19]},
                        {"date": "2026-02-16", "visitors": 47, "returned": [38]},
                    ],
                    "granularity": "week",
                },
                "meta": {
                    "data_through": "2026-03-01T12:00:03.412Z",
                    "exact": True,
                    "period": {
                        "start": "2026-02-02T00:00:00Z",
                        "end": "2026-02-23T00:00:00Z",
                        "timezone": "UTC",
                    },
                    "rows_read": 16384,
                    "bytes_read": 1048576,
                    "milliseconds": 21,
                    "left_out": {
                        "reason": "hashed_visitor_ids",
                        "visitors": 311,
                        "share": 0.6911,
                        "events": 420,
                        "events_share": 0.6,
                    },
                },
            }
        }
    }


_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["start"],
    "properties": {
        **members(SHARED_FIELDS),
        "start": {
            **HAPPENING_SCHEMA,
            "description": "What a visitor begins with: the first such event in the period.",
            "examples": [{"event_name": "signup"}],
        },
        "return": {**HAPPENING_SCHEMA, "description": "What counts as coming back; default: any event."},
        "granularity": {"type": "string", "enum": [*GRANULARITIES], "default": GRANULARITIES[0]},
        "periods": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_PERIODS,
            "default": DEFAULT_PERIODS,
            "description": "How many steps behind its own are counted for each cohort.",
        },
    },
}


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    @routes.post(
        "/api/websites/{website_id}/retention",
        response_model=RetentionAnswer,
        responses=POST_ERRORS,
        openapi_extra=body_of(_SCHEMA),
        summary="Who comes back",
        operation_id="retention",
    )
    async def find_retention(request: Request, website_id: WebsiteId) -> JSONResponse:
        website = asking.website(request, website_id, "read")
        question, given = ask(await asking.document(request), asking.context(website))
        conversation = await asking.conversation(request, question.selection, given)
        data = retention.answer(question, await conversation.rows(retention.statement(question)))
        told = await left_out(conversation, retention.left_out_statement(question))
        return JSONResponse({"data": data, "meta": conversation.meta(told)})

    return routes
