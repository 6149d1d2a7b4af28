"""`GET` and `POST /api/websites/{website_id}/visitors/{visitor_id}`: what one visitor did, event by event."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from query_api.errors import Invalid
from query_api.facts import FACTS
from query_api.queries import rows
from query_api.question.dimensions import DIMENSIONS
from query_api.question.filters import MAX_CHARACTERS, Condition, Operator
from query_api.question.rows import FIELDS, ask
from query_api.routes.asking import Asking, WebsiteId
from query_api.routes.documentation import ask_both_ways
from query_api.routes.rows import OPTIONAL, EventRow, PageMeta, array, json_response

VisitorId = Annotated[
    str,
    Path(
        description="The client's own id (percent-encoded; a slash may stay), else a hash that lives for one day.",
        examples=["user-42"],
    ),
]

_SOURCE = list(FACTS).index("visitor_source")


class VisitorMeta(PageMeta):
    """About a page of a visitor's timeline."""

    visitor_source: list[str] = Field(
        description="Where the id of these events is from: client (it stays as long as the client keeps it) or hash "
        "(it ends with its day, so the timeline does, too)."
    )


class VisitorAnswer(BaseModel):
    """A page of a visitor's timeline."""

    data: list[EventRow]
    meta: VisitorMeta


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    async def visitor_timeline(request: Request, website_id: WebsiteId, visitor_id: VisitorId) -> Response:
        website = asking.website(request, website_id, "read")
        given = await asking.given(request, FIELDS)
        question = ask(given, asking.context(website), "visitor", (_is(visitor_id),))
        conversation = await asking.conversation(request, question.selection, given)
        found, cursor = rows.page(question, await conversation.rows(rows.statement(question)))
        sources = sorted({row[_SOURCE] for row in found})
        told = {"next_cursor": cursor, "visitor_source": sources}
        return json_response(array(found), conversation.meta(told))

    ask_both_ways(
        routes,
        "/api/websites/{website_id}/visitors/{visitor_id:path}",
        visitor_timeline,
        fields=FIELDS,
        optional=OPTIONAL,
        model=VisitorAnswer,
        operation_id="visitor_timeline",
        summary="What one visitor did",
    )
    return routes


def _is(visitor_id: str) -> Condition:
    if not visitor_id or len(visitor_id) > MAX_CHARACTERS:
        raise Invalid(f"visitor_id must have 1 to {MAX_CHARACTERS:,} characters", "visitor_id")
    return Condition(DIMENSIONS["visitor_id"], Operator.IS, (visitor_id,))
