"""What the endpoints say about themselves in OpenAPI: parameters and error answers, once for all."""

from typing import Any

from pydantic import BaseModel, Field

from eventrail.contract.names import EVENT_NAME_MAX_CHARACTERS, WEBSITE_ID_RULE
from query_api.granularity import DAY, GRANULARITIES
from query_api.question import DEFAULT_DAYS, FIRST_DAY, LAST_DAY

WEBSITE_ID_DESCRIPTION = f"The website: {WEBSITE_ID_RULE}."


class ErrorDetail(BaseModel):
    """What is wrong, and with what."""

    code: str = Field(
        description="validation_error, not_found, method_not_allowed, unavailable, internal_error"
    )
    message: str = Field(description="What is wrong and what is right, for a person.")
    field: str | None = Field(description="The parameter that is wrong, null where it is none.")


class ErrorAnswer(BaseModel):
    """Every error has this shape."""

    error: ErrorDetail


def _error(description: str, code: str, message: str, field: str | None = None) -> dict[str, Any]:
    example = {"error": {"code": code, "message": message, "field": field}}
    return {
        "model": ErrorAnswer,
        "description": description,
        "content": {"application/json": {"example": example}},
    }


def _with_header(answer: dict[str, Any], name: str, description: str) -> dict[str, Any]:
    header = {"description": description, "schema": {"type": "string"}}
    return {**answer, "headers": {name: header}}


ERRORS: dict[int | str, dict[str, Any]] = {
    400: _error(
        "A parameter is missing, wrong, unknown or given twice.",
        "validation_error",
        "event_name query parameter is required",
        "event_name",
    ),
    404: _error("No such path.", "not_found", "no such path: '/api/nothing'"),
    405: _with_header(
        _error("Only GET and HEAD are allowed.", "method_not_allowed", "'POST' is not allowed here, use GET"),
        "Allow",
        "GET, HEAD",
    ),
    503: _with_header(
        _error(
            "ClickHouse is away, overloaded or too slow for this question.",
            "unavailable",
            "the query cannot be answered now, try again in 5 s: no answer from ClickHouse",
        ),
        "Retry-After",
        "Seconds to wait before the next try.",
    ),
    "default": _error("Any other error.", "internal_error", "the query API failed; its log has the reason"),
}


def _parameter(
    name: str, description: str, schema: dict[str, Any], *, required: bool = False
) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "description": description, "schema": schema}


_DATE = {"type": "string", "format": "date"}

_INSTANT = {"type": "string", "format": "date-time"}

_PARAMETERS = {
    "start": _parameter(
        "start",
        "First instant of acceptance, RFC 3339; its whole minute is told. Default: an hour before end.",
        _INSTANT,
    ),
    "end": _parameter(
        "end", "The instant before which they were accepted, RFC 3339; default: now.", _INSTANT
    ),
    "start_date": _parameter(
        "start_date",
        f"First day, inclusive, UTC, from {FIRST_DAY}; default: {DEFAULT_DAYS - 1} days before end_date.",
        _DATE,
    ),
    "end_date": _parameter("end_date", f"Last day, inclusive, UTC, to {LAST_DAY}; default: today.", _DATE),
    "event_name": _parameter(
        "event_name",
        "Name of the custom event; white space around it is cut off.",
        {"type": "string", "minLength": 1, "maxLength": EVENT_NAME_MAX_CHARACTERS},
        required=True,
    ),
    "include_bots": _parameter(
        "include_bots",
        "Whether crawlers are counted, too. Headless browsers and HTTP libraries are always counted, "
        "but where the website leaves them out (`exclude_headless`); then this counts them as well.",
        {"type": "boolean", "default": False},
    ),
    "granularity": _parameter(
        "granularity",
        "Length of a step. Weeks begin on Monday.",
        {"type": "string", "enum": list(GRANULARITIES), "default": DAY.name},
    ),
}


def parameters(names: tuple[str, ...]) -> dict[str, Any]:
    """The `openapi_extra` of an endpoint that takes the query parameters `names`."""
    return {"parameters": [_PARAMETERS[name] for name in names]}


def _with_field(example: dict[str, Any]) -> None:
    if "error" in example:
        example["error"].setdefault("field", None)


def completed(openapi: dict[str, Any]) -> dict[str, Any]:
    """`openapi` with `"field": null` back in the examples of errors: FastAPI leaves nulls out of its document."""
    for endpoint in openapi["paths"].values():
        for method in endpoint.values():
            for answer in method["responses"].values():
                _with_field(answer["content"]["application/json"].get("example", {}))
    return openapi
