"""`GET` and `POST /api/websites/{website_id}/events` (spec "List Event Names")."""

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from query_api.queries import events
from query_api.question.events import FIELDS, ask
from query_api.routes.asking import Asking, WebsiteId
from query_api.routes.documentation import Meta, ask_both_ways


class PreviousCount(BaseModel):
    """The same in the period of the same length before; only with include=previous."""

    count: int = Field(ge=0)


class EventCount(BaseModel):
    """A custom event and how often it happened."""

    event_name: str
    count: int = Field(ge=0, description="0 only with include=previous, for names of the period before.")
    visitors: int | None = Field(None, ge=0, description="Different visitor ids; only with include=visitors.")
    previous: PreviousCount | None = None


class EventsMeta(Meta):
    """About the answer."""

    event_names: int | None = Field(None, ge=0, description="How many names there are in all.")
    events: int | None = Field(None, ge=0, description="How many events these are.")
    truncated: bool
    event_names_left_out: int = Field(ge=0, description="How many rarer names come after `data`.")


class EventsAnswer(BaseModel):
    """Names by count descending, then by name."""

    data: list[EventCount]
    meta: EventsMeta

    model_config = {
        "json_schema_extra": {
            "example": {
                "data": [
                    {"event_name": "signup_click", "count": 342},
                    {"event_name": "demo_request", "count": 156},
                    {"event_name": "purchase", "count": 89},
                ],
                "meta": {
                    "data_through": "2026-03-01T12:00:03.412Z",
                    "exact": True,
                    "period": {
                        "start": "2026-02-01T00:00:00Z",
                        "end": "2026-03-02T00:00:00Z",
                        "timezone": "UTC",
                    },
                    "rows_read": 8192,
                    "bytes_read": 262144,
                    "milliseconds": 9,
                    "event_names": 3,
                    "events": 587,
                    "truncated": False,
                    "event_names_left_out": 0,
                },
            }
        }
    }


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    async def list_events(request: Request, website_id: WebsiteId) -> JSONResponse:
        website = asking.website(request, website_id, "read")
        given = await asking.given(request, FIELDS)
        question = ask(given, asking.context(website))
        conversation = await asking.conversation(request, question.selection, given)
        data, told = events.answer(question, await conversation.rows(events.statement(question)))
        visitors = "visitors" in question.include
        return JSONResponse({"data": data, "meta": conversation.meta(told, visitors=visitors)})

    ask_both_ways(
        routes,
        "/api/websites/{website_id}/events",
        list_events,
        fields=FIELDS,
        model=EventsAnswer,
        operation_id="list_events",
        summary="Names and counts of all custom events",
    )
    return routes
