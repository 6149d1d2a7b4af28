"""`GET /api/websites/{website_id}/events` (spec "List Event Names")."""

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from query_api.queries import events
from query_api.question import LIST_PARAMETERS, ask_list
from query_api.routes.asking import Asking, WebsiteId
from query_api.routes.documentation import ERRORS, parameters


class EventCount(BaseModel):
    """A custom event and how often it happened."""

    event_name: str
    count: int = Field(ge=1)


class EventsMeta(BaseModel):
    """Only there when something was left out."""

    truncated: bool
    event_names_left_out: int = Field(ge=0, description="How many rarer names are not in `data`.")


class EventsAnswer(BaseModel):
    """Names by count descending, then by name."""

    data: list[EventCount]
    meta: EventsMeta | None = None

    model_config = {
        "json_schema_extra": {
            "example": {
                "data": [
                    {"event_name": "signup_click", "count": 342},
                    {"event_name": "demo_request", "count": 156},
                    {"event_name": "purchase", "count": 89},
                ]
            }
        }
    }


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    @routes.get(
        "/api/websites/{website_id}/events",
        response_model=EventsAnswer,
        responses=ERRORS,
        openapi_extra=parameters(LIST_PARAMETERS),
        summary="Names and counts of all custom events",
        operation_id="list_events",
    )
    async def list_events(request: Request, website_id: WebsiteId) -> JSONResponse:
        asking.website(request, website_id, "read")
        question = ask_list(
            website_id, request.scope["query_string"], asking.today(), asking.left_out(website_id)
        )
        statement = events.statement(question, asking.settings.max_event_names)
        answer = await asking.answer(request, statement)
        return JSONResponse(events.answer(answer.rows))

    return routes
