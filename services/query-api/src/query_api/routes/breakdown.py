"""`POST /api/websites/{website_id}/events/query`: any metrics by up to three fields, and by time."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from query_api.queries import breakdown
from query_api.question.breakdown import (
    COUNTS,
    FIELDS,
    MAX_FIELDS,
    MAX_METRICS,
    STATISTICS,
    BreakdownQuestion,
    ask,
)
from query_api.routes.asking import Asking, Conversation, WebsiteId
from query_api.routes.documentation import POST_ERRORS, Meta, body_of, members

Metrics = dict[str, int | float | None]


class GroupValue(BaseModel):
    """The value of one field."""

    field: str
    value: str | None = Field(description="null where it is not set")
    type: str | None = Field(description="string, number, boolean or array; null where it is not set")


class Group(BaseModel):
    """Events that have the same value of each field."""

    group: list[GroupValue]
    metrics: Metrics
    series: list[dict[str, Any]] | None = Field(None, description="Each step: `date` and the metrics.")


class Rest(BaseModel):
    """All events of some groups together."""

    metrics: Metrics
    series: list[dict[str, Any]] | None = None


class Breakdown(BaseModel):
    """The first groups, what is in none of them, and all events."""

    groups: list[Group] | None = Field(None, description="Only with group_by.")
    other: Rest | None = Field(
        None, description="All groups that are not in `groups`; null where there are none."
    )
    total: Rest
    granularity: str | None = None


class BreakdownMeta(Meta):
    """About the answer."""

    groups: int | None = Field(None, ge=0, description="How many groups there are in all; with group_by.")
    truncated: bool


class BreakdownAnswer(BaseModel):
    """Metrics by group."""

    data: Breakdown
    meta: BreakdownMeta

    model_config = {
        "json_schema_extra": {
            "example": {
                "data": {
                    "groups": [
                        {
                            "group": [{"field": "country", "value": "DE", "type": "string"}],
                            "metrics": {"count": 56, "sum(prop.amount)": 2794.4},
                        }
                    ],
                    "other": {"metrics": {"count": 33, "sum(prop.amount)": 1646.67}},
                    "total": {"metrics": {"count": 89, "sum(prop.amount)": 4441.07}},
                    "granularity": None,
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
                    "groups": 4,
                    "truncated": True,
                },
            }
        }
    }


_METRIC_SCHEMA: dict[str, Any] = {
    "oneOf": [
        {"type": "string", "enum": [*COUNTS]},
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["statistic", "field"],
            "properties": {
                "statistic": {"type": "string", "enum": [*STATISTICS]},
                "field": {"type": "string", "examples": ["prop.amount"]},
            },
        },
    ]
}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **members(FIELDS),
        "metrics": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_METRICS,
            "items": _METRIC_SCHEMA,
            "default": ["count"],
        },
        "group_by": {
            "type": "array",
            "maxItems": MAX_FIELDS,
            "items": {"type": "string", "description": "A dimension, or prop. and the key of a property."},
        },
        "order_by": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "metric": {
                    "type": "string",
                    "description": "As the answer calls it, such as sum(prop.amount).",
                },
                "descending": {"type": "boolean", "default": True},
            },
        },
    },
}


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    @routes.post(
        "/api/websites/{website_id}/events/query",
        response_model=BreakdownAnswer,
        responses=POST_ERRORS,
        openapi_extra=body_of(_SCHEMA),
        summary="Any metrics by up to three fields, and by time",
        operation_id="query_events",
    )
    async def query_events(request: Request, website_id: WebsiteId) -> JSONResponse:
        website = asking.website(request, website_id, "read")
        question, given = ask(await asking.document(request), asking.context(website))
        conversation = await asking.conversation(request, question.selection, given)
        data, told = await _answer(conversation, question)
        visitors = any(metric.statistic == "visitors" for metric in question.metrics)
        return JSONResponse({"data": data, "meta": conversation.meta(told, visitors=visitors)})

    return routes


async def _answer(
    conversation: Conversation, question: BreakdownQuestion
) -> tuple[dict[str, Any], dict[str, Any]]:
    """`data`, and what `meta` says of it."""
    granularity = question.buckets.granularity if question.buckets else None
    if not question.fields:
        [values] = await conversation.rows(breakdown.total_statement(question))
        total: dict[str, Any] = {"metrics": breakdown.told(question, values)}
        series, _ = await _series(conversation, question, breakdown.NO_GROUPS)
        total |= {"series": series[0]} if series else {}
        return {"total": total, "granularity": granularity}, {"truncated": False}
    first = breakdown.top(question, await conversation.rows(breakdown.top_statement(question)))
    groups: list[dict[str, Any]] = breakdown.entries(question, first)
    left = first.groups_in_all > len(groups)
    total_metrics, other_metrics = await _rest(conversation, question, first)
    other: dict[str, Any] | None = None if other_metrics is None else {"metrics": other_metrics}
    series, others = await _series(conversation, question, first)
    if series:
        groups = [{**group, "series": points} for group, points in zip(groups, series, strict=True)]
        other = None if other is None else {**other, "series": others or []}
    data = {"groups": groups, "other": other, "total": {"metrics": total_metrics}, "granularity": granularity}
    return data, {"groups": first.groups_in_all, "truncated": left}


async def _rest(
    conversation: Conversation, question: BreakdownQuestion, first: breakdown.Top
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    if not breakdown.needs_rest(question) or not first.keys:
        return breakdown.rest(question, first, None)
    rows = await conversation.rows(breakdown.rest_statement(question, first))
    return breakdown.rest(question, first, rows)


async def _series(
    conversation: Conversation, question: BreakdownQuestion, first: breakdown.Top
) -> tuple[list[list[dict[str, Any]]], list[dict[str, Any]] | None]:
    steps = question.buckets
    if steps is None or (question.fields and not first.keys):
        return [], None
    rows = await conversation.rows(breakdown.series_statement(question, steps, first))
    return breakdown.series(question, steps, first, rows)
