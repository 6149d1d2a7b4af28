"""`GET` and `POST /api/websites/{website_id}/sessions`, and `.../sessions/{session_id}`: one session in order."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, create_model
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from query_api.errors import Invalid, shown
from query_api.queries import rows, sessions
from query_api.queries.sessions import MAX_NAMES, OPENING_FACTS
from query_api.question import rows as rows_question
from query_api.question.dimensions import DIMENSIONS
from query_api.question.filters import Condition, Operator
from query_api.question.sessions import FIELDS, ask
from query_api.routes.asking import Asking, WebsiteId
from query_api.routes.documentation import ask_both_ways
from query_api.routes.rows import OPTIONAL, EventRow, PageMeta, array, json_response, member

SessionId = Annotated[
    str, Path(description="The session, a UUID.", examples=["0f1e2d3c-4b5a-8978-8695-a4b3c2d1e0f0"])
]


class _Counts(BaseModel):
    session_id: str
    started: str = Field(description="Its first event within the period, RFC 3339.")
    ended: str = Field(description="Its last event within the period, RFC 3339.")
    duration_ms: int = Field(ge=0)
    events: int = Field(ge=1, description="Its custom events and page views within the period.")
    pageviews: int = Field(ge=0)
    event_names: list[str] = Field(description=f"Of its custom events, sorted, at most {MAX_NAMES}.")
    entry_page: str | None = Field(description="Path of its first page view.")
    exit_page: str | None = Field(description="Path of its last page view.")


SessionRow: type[BaseModel] = create_model(
    "SessionRow",
    __base__=_Counts,
    __doc__="One session; who, where from and with what is told as of its first event within the period.",
    **{fact.name: member(fact) for fact in OPENING_FACTS},
)


class SessionsAnswer(BaseModel):
    """A page of sessions."""

    data: list[SessionRow]
    meta: PageMeta


class OneSession(BaseModel):
    """A session and a page of its events."""

    session: SessionRow | None = Field(description="null where it has no event in the period.")
    events: list[EventRow]


class SessionAnswer(BaseModel):
    """One session."""

    data: OneSession
    meta: PageMeta


def router(asking: Asking) -> APIRouter:
    """The endpoints, bound to `asking`."""
    routes = APIRouter()

    async def list_sessions(request: Request, website_id: WebsiteId) -> JSONResponse:
        website = asking.website(request, website_id, "read")
        given = await asking.given(request, FIELDS)
        question = ask(given, asking.context(website))
        conversation = await asking.conversation(request, question.selection, given)
        data, cursor = sessions.page(question, await conversation.rows(sessions.statement(question)))
        return JSONResponse({"data": data, "meta": conversation.meta({"next_cursor": cursor})})

    async def one_session(request: Request, website_id: WebsiteId, session_id: SessionId) -> Response:
        website = asking.website(request, website_id, "read")
        session = _uuid(session_id)
        given = await asking.given(request, rows_question.FIELDS)
        among = Condition(DIMENSIONS["session_id"], Operator.IS, (str(session),))
        question = rows_question.ask(
            given, asking.context(website), "session", (among,), rows_question.Order.OLDEST
        )
        conversation = await asking.conversation(request, question.selection, given)
        found, cursor = rows.page(question, await conversation.rows(rows.statement(question)))
        summary = await conversation.rows(sessions.one_statement(question.selection, session))
        told: dict[str, Any] | None = sessions.told(summary[0]) if summary else None
        data = f'{{"session":{json.dumps(told, ensure_ascii=False)},"events":{array(found)}}}'
        return json_response(data, conversation.meta({"next_cursor": cursor}))

    ask_both_ways(
        routes,
        "/api/websites/{website_id}/sessions",
        list_sessions,
        fields=FIELDS,
        optional=OPTIONAL,
        model=SessionsAnswer,
        operation_id="list_sessions",
        summary="Sessions with an event that fits",
    )
    ask_both_ways(
        routes,
        "/api/websites/{website_id}/sessions/{session_id}",
        one_session,
        fields=rows_question.FIELDS,
        optional=OPTIONAL,
        model=SessionAnswer,
        operation_id="one_session",
        summary="One session and its events, oldest first",
    )
    return routes


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(f"session_id must be a UUID, not {shown(text)}", "session_id") from None
