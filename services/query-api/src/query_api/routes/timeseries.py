"""`GET` and `POST /api/websites/{website_id}/events/timeseries` (spec "Event Time Series")."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from query_api.queries import timeseries
from query_api.question.timeseries import FIELDS, TimeseriesQuestion, ask
from query_api.routes.asking import Asking, Conversation, WebsiteId
from query_api.routes.documentation import Meta, ask_both_ways


class Point(BaseModel):
    """One step and how often the event happened in it."""

    date: str = Field(
        description="YYYY-MM-DD: the day, the week's or the month's first day; for hours and minutes the first moment, "
        "RFC 3339 with the offset of the time zone."
    )
    count: int = Field(ge=0)
    visitors: int | None = Field(None, ge=0, description="Different visitor ids; only with include=visitors.")


class ValueSeries(BaseModel):
    """The events with one value of the field that was asked for by `breakdown`."""

    value: str | None = Field(description="null for events without a value, and for all others together.")
    type: str | None = Field(
        description="string, number, boolean, array; null: not set; other: all other values."
    )
    count: int = Field(ge=0)
    series: list[Point]


class Series(BaseModel):
    """All steps that the period touches, in order, without gaps."""

    series: list[Point]
    granularity: Literal["minute", "hour", "day", "week", "month"]
    previous: list[Point] | None = Field(
        None, description="The period of the same length before; with include=previous."
    )
    breakdown: list[ValueSeries] | None = Field(None, description="By count descending; with breakdown=.")


class TimeseriesMeta(Meta):
    """About the answer."""

    breakdown_values: int | None = Field(
        None, ge=0, description="How many values there are in all; with breakdown=."
    )


class TimeseriesAnswer(BaseModel):
    """One event over time."""

    data: Series
    meta: TimeseriesMeta

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
                },
                "meta": {
                    "data_through": "2026-03-01T12:00:03.412Z",
                    "exact": True,
                    "period": {
                        "start": "2026-02-01T00:00:00Z",
                        "end": "2026-02-04T00:00:00Z",
                        "timezone": "UTC",
                    },
                    "rows_read": 8192,
                    "bytes_read": 262144,
                    "milliseconds": 7,
                },
            }
        }
    }


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    async def event_timeseries(request: Request, website_id: WebsiteId) -> JSONResponse:
        website = asking.website(request, website_id, "read")
        given = await asking.given(request, FIELDS)
        question = ask(given, asking.context(website))
        conversation = await asking.conversation(request, question.selection, given)
        data = timeseries.answer(question, await conversation.rows(timeseries.statement(question)))
        data |= await _previous(conversation, question)
        series, told = await _broken_down(conversation, question)
        meta = conversation.meta(told, visitors=question.visitors)
        return JSONResponse({"data": {**data, **series}, "meta": meta})

    ask_both_ways(
        routes,
        "/api/websites/{website_id}/events/timeseries",
        event_timeseries,
        fields=FIELDS,
        model=TimeseriesAnswer,
        operation_id="event_timeseries",
        summary="One event over time",
    )
    return routes


async def _previous(conversation: Conversation, question: TimeseriesQuestion) -> dict[str, Any]:
    before = question.previous
    if before is None:
        return {}
    rows = await conversation.rows(timeseries.previous_statement(question, before))
    return {"previous": timeseries.previous(question, before, rows)}


async def _broken_down(
    conversation: Conversation, question: TimeseriesQuestion
) -> tuple[dict[str, Any], dict[str, Any]]:
    """`breakdown` for `data`, and what `meta` says of it; both empty where it was not asked for."""
    field = question.breakdown
    if field is None:
        return {}, {}
    top = await conversation.rows(timeseries.top_statement(question, field))
    if not top:
        return {"breakdown": []}, {"breakdown_values": 0}
    values = [value for value, _events, _distinct in top]
    rows = await conversation.rows(timeseries.series_statement(question, field, values))
    return {"breakdown": timeseries.broken_down(question, top, rows)}, {"breakdown_values": top[0][2]}
