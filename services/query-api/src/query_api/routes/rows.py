"""`GET` and `POST /api/websites/{website_id}/events/rows`: events with all their facts and properties."""

import json
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field, create_model
from starlette.requests import Request
from starlette.responses import Response

from query_api import event_json
from query_api.facts import FACTS, Fact, Kind
from query_api.queries import rows
from query_api.queries.rows import ROW_FACTS
from query_api.question.rows import FIELDS, ask
from query_api.routes.asking import Asking, WebsiteId
from query_api.routes.documentation import Meta, ask_both_ways

OPTIONAL = ("event_name",)
"""Parameters that other endpoints require, and these do not."""


def member(fact: Fact) -> Any:
    """The member of a model that stands for `fact`: its type and description."""
    types: dict[Kind, Any] = {Kind.FLAG: bool, Kind.DAY: str, Kind.JSON: dict[str, Any] | None}
    return (types.get(fact.kind, str | None), Field(description=fact.meaning))


EventRow: type[BaseModel] = create_model(
    "EventRow",
    __doc__="One event: all its facts, null where there is none, and the properties that were sent.",
    **{name: member(fact) for name, fact in FACTS.items()},
)


class PageMeta(Meta):
    """About a page."""

    next_cursor: str | None = Field(
        description="Give it as `cursor` for the next page; null on the last one."
    )


class RowsAnswer(BaseModel):
    """A page of events."""

    data: list[EventRow]
    meta: PageMeta


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    async def event_rows(request: Request, website_id: WebsiteId) -> Response:
        website = asking.website(request, website_id, "read")
        given = await asking.given(request, FIELDS)
        question = ask(given, asking.context(website), "rows")
        conversation = await asking.conversation(request, question.selection, given)
        found, cursor = rows.page(question, await conversation.rows(rows.statement(question)))
        return json_response(array(found), conversation.meta({"next_cursor": cursor}))

    ask_both_ways(
        routes,
        "/api/websites/{website_id}/events/rows",
        event_rows,
        fields=FIELDS,
        optional=OPTIONAL,
        model=RowsAnswer,
        operation_id="event_rows",
        summary="Events with all their facts and properties",
    )
    return routes


def array(found: Sequence[rows.Row]) -> str:
    """JSON of a list of events."""
    return f"[{','.join(event_json.objects(ROW_FACTS, found))}]"


def json_response(data: str, meta: dict[str, Any]) -> Response:
    """The answer with `data`, which is JSON already: properties go out as the text that came in."""
    text = f'{{"data":{data},"meta":{json.dumps(meta, ensure_ascii=False)}}}'
    return Response(text.encode(), media_type="application/json")
