"""`POST /api/websites/{website_id}/journeys`: paths before or after something."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from query_api.queries import journeys
from query_api.queries.journeys import MAX_NODES
from query_api.question.following import By
from query_api.question.journeys import (
    DEFAULT_BRANCHES,
    DEFAULT_DEPTH,
    MAX_BRANCHES,
    MAX_DEPTH,
    SHARED_FIELDS,
    Direction,
    ask,
)
from query_api.routes.asking import Asking, WebsiteId
from query_api.routes.documentation import POST_ERRORS, Meta, body_of, members
from query_api.routes.happenings import HAPPENING_SCHEMA, LeftOut
from query_api.routes.left_out import left_out


class Node(BaseModel):
    """A place on a path; the counts of its children, its rest and its ended add up to its own."""

    type: Literal["event", "page"]
    name: str
    count: int = Field(ge=0, description="Sessions (visitors) whose path comes here.")
    children: list["Node"] = Field(description="The most frequent next nodes, by count descending.")
    rest: int = Field(ge=0, description="They go on otherwise; at the last level: they go on.")
    ended: int = Field(ge=0, description="They do not go on.")


class JourneyMeta(Meta):
    """About the answer."""

    truncated: bool = Field(
        description=f"Whether there are more than {MAX_NODES:,} nodes; then the rarest are in the rest of others."
    )
    left_out: LeftOut | None = Field(None, description="Only by visitor.")


class JourneyAnswer(BaseModel):
    """The tree of paths; its root is the anchor."""

    data: Node
    meta: JourneyMeta

    model_config = {
        "json_schema_extra": {
            "example": {
                "data": {
                    "type": "event",
                    "name": "add_to_cart",
                    "count": 18,
                    "children": [
                        {
                            "type": "event",
                            "name": "checkout_start",
                            "count": 11,
                            "children": [],
                            "rest": 9,
                            "ended": 2,
                        }
                    ],
                    "rest": 4,
                    "ended": 3,
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
                    "truncated": False,
                },
            }
        }
    }


_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["anchor"],
    "properties": {
        **members(SHARED_FIELDS),
        "anchor": {
            **HAPPENING_SCHEMA,
            "description": "Where paths begin: the first such event of each session (visitor).",
            "examples": [{"event_name": "add_to_cart"}],
        },
        "direction": {"type": "string", "enum": [*Direction], "default": Direction.AFTER.value},
        "depth": {"type": "integer", "minimum": 1, "maximum": MAX_DEPTH, "default": DEFAULT_DEPTH},
        "by": {
            "type": "string",
            "enum": [By.SESSION.value, By.VISITOR.value],
            "default": By.SESSION.value,
            "description": "By visitor only visitor ids that clients sent are followed, because hashed ones change "
            "each day; meta.left_out says what is missing.",
        },
        "limit": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_BRANCHES,
            "default": DEFAULT_BRANCHES,
            "description": "Most children of each node.",
        },
        "collapse_repeats": {
            "type": "boolean",
            "default": True,
            "description": "Whether a row of equal nodes is one.",
        },
    },
}


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    @routes.post(
        "/api/websites/{website_id}/journeys",
        response_model=JourneyAnswer,
        responses=POST_ERRORS,
        openapi_extra=body_of(_SCHEMA),
        summary="Paths before or after something",
        operation_id="journeys",
    )
    async def find_journeys(request: Request, website_id: WebsiteId) -> JSONResponse:
        website = asking.website(request, website_id, "read")
        question, given = ask(await asking.document(request), asking.context(website))
        conversation = await asking.conversation(request, question.selection, given)
        data, told = journeys.answer(question, await conversation.rows(journeys.statement(question)))
        if question.clients_only:
            told |= await left_out(conversation, journeys.left_out_statement(question))
        return JSONResponse({"data": data, "meta": conversation.meta(told)})

    return routes
