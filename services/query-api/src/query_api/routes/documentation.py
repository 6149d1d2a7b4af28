"""What the endpoints say about themselves in OpenAPI: parameters and error answers, once for all."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from eventrail.contract.names import EVENT_NAME_MAX_CHARACTERS, WEBSITE_ID_RULE
from query_api import body
from query_api.facts import FACTS
from query_api.listing import MAX_OFFSET
from query_api.progress.token import DEFAULT_WAIT_SECONDS, LONGEST_WAIT_SECONDS
from query_api.question.cursors import MAX_CHARACTERS
from query_api.question.dimensions import DIMENSIONS
from query_api.question.filters import MAX_CONDITIONS, MAX_VALUES, PROPERTY_PREFIX, Operator
from query_api.question.given import FILTERS
from query_api.question.granularity import AUTO, GRANULARITIES, WEEK_STARTS
from query_api.question.period import DEFAULT_DAYS, FIRST_DAY, LAST_DAY

WEBSITE_ID_DESCRIPTION = f"The website: {WEBSITE_ID_RULE}."


class Estimate(BaseModel):
    """What an answer would cost."""

    rows: int = Field(ge=0, description="Rows that ClickHouse would read, by its estimate.")
    limit: int = Field(ge=1, description="Rows that one statement may read.")


class ErrorDetail(BaseModel):
    """What is wrong, and with what."""

    code: str = Field(
        description="validation_error, unauthorized, forbidden, not_found, method_not_allowed, payload_too_large, "
        "too_costly, too_early, rate_limited, too_many_concurrent, unavailable, internal_error"
    )
    message: str = Field(description="What is wrong and what is right, for a person.")
    field: str | None = Field(description="The parameter that is wrong, null where it is none.")
    estimate: Estimate | None = Field(None, description="Only with too_costly.")


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
    401: _with_header(
        _error(
            "No valid key, whatever is asked for; never where there is no websites file.",
            "unauthorized",
            "this needs a key: send Authorization: Bearer and a key of websites.yaml",
        ),
        "WWW-Authenticate",
        "RFC 6750, section 3.",
    ),
    403: _with_header(
        _error(
            "The key is valid here but lacks the scope.",
            "forbidden",
            "the key has no scope 'read' at website 'shop'; add it in websites.yaml",
        ),
        "WWW-Authenticate",
        "RFC 6750, section 3, with the scope that is needed.",
    ),
    404: _error(
        "No such path, or no website with this id for this key.",
        "not_found",
        "no website 'shop' for this key; GET /api/websites lists those it may see",
        "website_id",
    ),
    405: _with_header(
        _error(
            "Not a method of this path.",
            "method_not_allowed",
            "'PUT' is not allowed here, use GET, HEAD, POST",
        ),
        "Allow",
        "The methods that are, such as GET, HEAD.",
    ),
    422: _error(
        "The answer would cost too much; `error.estimate` has `rows` and `limit`.",
        "too_costly",
        "the answer would take about 412,000,000 rows to read, at most 200,000,000 are read for one; ask for 14 days "
        "at a time, or for one event_name",
    ),
    425: _with_header(
        _error(
            "The events of the token do not count yet (docs/data-through.md).",
            "too_early",
            "the events of this token do not count yet, after waiting for 10 s; ask again in 1 s, or without token",
            "token",
        ),
        "Retry-After",
        "Seconds to wait before the next try.",
    ),
    429: _with_header(
        _error(
            "More requests than a key may send, or more at the same time.",
            "rate_limited",
            "more requests than a key may send (20 a second, 60 at once); send it again in 1 s",
        ),
        "Retry-After",
        "Seconds to wait before the next try.",
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

POST_ERRORS: dict[int | str, dict[str, Any]] = {
    **ERRORS,
    413: _error(
        "The body is too large.", "payload_too_large", f"the body is larger than {body.MAX_BYTES:,} bytes"
    ),
}
"""Those of an endpoint that takes a body."""


class GoneDetail(ErrorDetail):
    """What is wrong, and why."""

    reason: Literal["erased", "expired", "changed"]


class GoneAnswer(BaseModel):
    """A cursor whose rows are no more what they were."""

    error: GoneDetail


GONE: dict[str, Any] = {
    **_error(
        "What the cursor pinned is no more as it was: rows were erased, have expired or were replaced.",
        "gone",
        "this export cannot be given again: 3 rows were deleted or replaced; begin a new one without cursor",
        "cursor",
    ),
    "model": GoneAnswer,
}
GONE["content"]["application/json"]["example"]["error"]["reason"] = "changed"


class PeriodTold(BaseModel):
    """The period of an answer."""

    start: str = Field(description="First moment, RFC 3339.")
    end: str = Field(description="First moment after it, RFC 3339.")
    timezone: str = Field(description="IANA name.")


class VisitorsTold(BaseModel):
    """How visitors are counted."""

    hashed: str = Field(
        description="sum_of_days: hashed visitor ids change each day, so those of several days add up."
    )


class Meta(BaseModel):
    """About an answer."""

    data_through: str | None = Field(
        description="RFC 3339: each event whose 202 left before this moment is stored, rejected or a copy; null while "
        "that is not known (docs/data-through.md)."
    )
    exact: bool = Field(description="Always true: no answer is a sample or an estimate.")
    period: PeriodTold
    rows_read: int = Field(ge=0, description="Rows that ClickHouse read.")
    bytes_read: int = Field(ge=0, description="Bytes that ClickHouse read, uncompressed.")
    milliseconds: int = Field(ge=0, description="What ClickHouse took.")
    kept_from: str | None = Field(None, description="The website keeps no older events (retention_days).")
    visitors: VisitorsTold | None = None


def _parameter(
    name: str, description: str, schema: dict[str, Any], *, required: bool = False
) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "description": description, "schema": schema}


_INSTANT = {"type": "string", "format": "date-time"}
_DAY_OR_INSTANT = {"type": "string", "examples": ["2026-02-01", "2026-02-01T10:00:00Z"]}


def _number(most: int | None, default: int | None, least: int = 1) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer", "minimum": least, "maximum": most, "default": default}
    return {name: value for name, value in schema.items() if value is not None}


_PARAMETERS = {
    "start": _parameter(
        "start",
        "First instant (of acceptance; of rejection at /rejected), RFC 3339; its whole minute is told. "
        "Default: an hour before end.",
        _INSTANT,
    ),
    "end": _parameter("end", "The instant before which it was, RFC 3339; default: now.", _INSTANT),
    "start_date": _parameter(
        "start_date",
        f"First day, inclusive, from {FIRST_DAY}, or an RFC 3339 instant; default: {DEFAULT_DAYS - 1} days before "
        "the last day.",
        _DAY_OR_INSTANT,
    ),
    "end_date": _parameter(
        "end_date",
        f"Last day, inclusive, to {LAST_DAY}, or the RFC 3339 instant before which events count; default: today.",
        _DAY_OR_INSTANT,
    ),
    "timezone": _parameter(
        "timezone",
        "IANA name of the time zone in which days begin; default: the website's, else UTC.",
        {"type": "string", "examples": ["Europe/Berlin"]},
    ),
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
    "event_type": _parameter(
        "event_type",
        "Custom events, page views, or both; default: custom where events are counted, any where they are told.",
        {"type": "string", "enum": ["custom", "pageview", "any"]},
    ),
    "granularity": _parameter(
        "granularity",
        "Length of a step; auto takes the finest with at most 100 steps.",
        {"type": "string", "enum": [*GRANULARITIES, AUTO], "default": "day"},
    ),
    "week_start": _parameter(
        "week_start", "First day of a week.", {"type": "string", "enum": [*WEEK_STARTS], "default": "monday"}
    ),
    "include": _parameter(
        "include",
        "What is told beside the counts, comma separated: visitors (different visitor ids), previous (the period of "
        "the same length before).",
        {"type": "string", "examples": ["visitors,previous"]},
    ),
    "breakdown": _parameter(
        "breakdown",
        "A dimension or `prop.KEY`: one series for each of its most frequent values, and one for all others.",
        {"type": "string", "examples": ["country", "prop.plan"]},
    ),
    "search": _parameter(
        "search",
        "Only names (keys) that hold this text; A-Z count like a-z.",
        {"type": "string", "maxLength": 255},
    ),
    "limit": _parameter("limit", "Most entries in the answer.", _number(None, None)),
    "values": _parameter("values", "Most values for each key.", _number(None, None)),
    "offset": _parameter("offset", "Entries that are left out at the beginning.", _number(MAX_OFFSET, 0, 0)),
    "order": _parameter("order", "Which come first.", {"type": "string", "enum": ["newest", "oldest"]}),
    "cursor": _parameter(
        "cursor",
        "`meta.next_cursor` of the page before; all other parameters but limit stay as they were.",
        {"type": "string", "maxLength": MAX_CHARACTERS},
    ),
    "format": _parameter(
        "format",
        "How rows are written; default: the first known type of Accept, else ndjson.",
        {"type": "string", "enum": ["ndjson", "csv", "parquet", "arrow"]},
    ),
    "columns": _parameter(
        "columns",
        f"Which facts, comma separated, in their order; default all: {', '.join(FACTS)}.",
        {"type": "string"},
    ),
    "skip": _parameter(
        "skip",
        "Complete rows of the file that are with the client already; with cursor, NDJSON and CSV only.",
        _number(100_000_000, 0, 0),
    ),
    "token": _parameter(
        "token", "Token of a receipt: answer once its events are in the answer.", {"type": "string"}
    ),
    "wait": _parameter(
        "wait",
        "Most seconds to wait for the token's events; then the answer is 425.",
        _number(LONGEST_WAIT_SECONDS, DEFAULT_WAIT_SECONDS, 0),
    ),
}

_FILTERS_TEXT = (
    "Filters, each a parameter of its own: `FIELD=VALUE` or `FIELD[OPERATOR]=VALUE`, where FIELD is a dimension "
    f"({', '.join(DIMENSIONS)}) or `{PROPERTY_PREFIX}` and the key of a property. Operators: {', '.join(Operator)}. A "
    f"name that comes several times has several values (at most {MAX_VALUES}); at most {MAX_CONDITIONS} filters."
)

FILTER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["field"],
    "additionalProperties": False,
    "properties": {
        "field": {
            "type": "string",
            "description": f"A dimension, or {PROPERTY_PREFIX} and the key of a property.",
            "examples": ["country", "prop.plan"],
        },
        "operator": {"type": "string", "enum": [*Operator], "default": Operator.IS.value},
        "values": {
            "type": "array",
            "maxItems": MAX_VALUES,
            "items": {"type": ["string", "number", "boolean"]},
        },
    },
}

_FILTERS = {
    "name": FILTERS,
    "in": "query",
    "required": False,
    "style": "form",
    "explode": True,
    "description": _FILTERS_TEXT,
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    "example": {"country": "DE", "prop.amount[gte]": "100"},
}


def in_query(names: Sequence[str], *, filters: bool = True, optional: Sequence[str] = ()) -> dict[str, Any]:
    """The `openapi_extra` of a GET that takes the query parameters `names`, and filters."""
    told = [{**_PARAMETERS[name], "required": _required(name, optional)} for name in names]
    return {"parameters": [*told, *([_FILTERS] if filters else [])]}


def _required(name: str, optional: Sequence[str]) -> bool:
    return bool(_PARAMETERS[name]["required"]) and name not in optional


def members(names: Sequence[str]) -> dict[str, Any]:
    """The parameters `names`, and filters, as members of a JSON object's schema."""
    found = {
        name: {**_PARAMETERS[name]["schema"], "description": _PARAMETERS[name]["description"]}
        for name in names
    }
    return {**found, FILTERS: {"type": "array", "maxItems": MAX_CONDITIONS, "items": FILTER_SCHEMA}}


def in_body(names: Sequence[str], *, optional: Sequence[str] = ()) -> dict[str, Any]:
    """The `openapi_extra` of a POST that takes the same as members of a JSON object."""
    required = [name for name in names if _required(name, optional)]
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": members(names),
        "required": required,
    }
    return body_of(schema)


def body_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The `openapi_extra` of a POST whose JSON body has this schema."""
    content = {"application/json": {"schema": schema}}
    description = f"JSON, at most {body.MAX_BYTES:,} bytes."
    return {"requestBody": {"required": True, "description": description, "content": content}}


def ask_both_ways(
    routes: APIRouter,
    path: str,
    endpoint: Callable[..., Any],
    *,
    fields: Sequence[str],
    model: type[BaseModel],
    operation_id: str,
    summary: str,
    optional: Sequence[str] = (),
) -> None:
    """Serve `endpoint` by GET with a query string and by POST with a JSON body that says the same.

    `optional` are those of `fields` that other endpoints require.
    """
    routes.get(
        path,
        response_model=model,
        responses=ERRORS,
        openapi_extra=in_query(fields, optional=optional),
        operation_id=operation_id,
        summary=summary,
    )(endpoint)
    routes.post(
        path,
        response_model=model,
        responses=POST_ERRORS,
        openapi_extra=in_body(fields, optional=optional),
        operation_id=f"{operation_id}_by_post",
        summary=f"{summary}; a JSON body says what does not fit into a URL",
    )(endpoint)


def parameters(names: Sequence[str]) -> dict[str, Any]:
    """The `openapi_extra` of an endpoint that takes the query parameters `names` and no filters."""
    return in_query(names, filters=False)


_KEY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key of websites.yaml (docs/access.md). Not needed where there is no such file.",
}


def completed(openapi: dict[str, Any]) -> dict[str, Any]:
    """`openapi` with keys, and with `"field": null` back in examples of errors: FastAPI leaves nulls out of it."""
    openapi.setdefault("components", {})["securitySchemes"] = {"key": _KEY_SCHEME}
    for endpoint in openapi["paths"].values():
        for operation in endpoint.values():
            operation["security"] = [{"key": []}, {}]
            _complete_examples(operation["responses"])
    return openapi


def _complete_examples(answers: dict[str, Any]) -> None:
    for answer in answers.values():
        example = answer.get("content", {}).get("application/json", {}).get("example", {})
        if "error" in example:
            example["error"].setdefault("field", None)
