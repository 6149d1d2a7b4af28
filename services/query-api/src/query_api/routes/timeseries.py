"""`GET /api/websites/{website_id}/events/timeseries` (spec "Event Time Series")."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from query_api.queries import timeseries
from query_api.question import TIMESERIES_PARAMETERS, ask_timeseries
from query_api.routes.asking import Asking, WebsiteId
from query_api.routes.documentation import ERRORS, parameters


class Point(BaseModel):
    """One step and how often the event happened in it."""

    date: str = Field(
        description="YYYY-MM-DD: the day, the week's Monday or the month's first day; hours: YYYY-MM-DDTHH:00:00Z."
    )
    count: int = Field(ge=0)


class Series(BaseModel):
    """All steps that the period touches, in order, without gaps."""

    series: list[Point]
    granularity: Literal["hour", "day", "week", "month"]


class TimeseriesAnswer(BaseModel):
    """One event over time, in UTC."""

    data: Series

    model_config = {
        "json_schema_extra": {
            "example": {
                "data": {
                    "series": [
                        {"date": "2026-02-01", "count": 23},
                        {"date": "2026-02-02", "count": 31},
                        {"date": "2026-02-03", "count": 28},
                    ],
                    "granularity": "day",
                }
            }
        }
    }


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    @routes.get(
        "/api/websites/{website_id}/events/timeseries",
        response_model=TimeseriesAnswer,
        responses=ERRORS,
        openapi_extra=parameters(TIMESERIES_PARAMETERS),
        summary="One event over time",
        operation_id="event_timeseries",
    )
    async def event_timeseries(request: Request, website_id: WebsiteId) -> JSONResponse:
        asking.website(request, website_id, "read")
        query, left_out = request.scope["query_string"], asking.left_out(website_id)
        question = ask_timeseries(website_id, query, asking.today(), asking.settings.max_points, left_out)
        answer = await asking.answer(request, timeseries.statement(question))
        return JSONResponse(timeseries.answer(question, answer.rows))

    return routes
