"""`/api/websites/{id}/erasures`: ask to forget visitors or events, and see what became of it (docs/erasure.md)."""

from collections import OrderedDict
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from eventrail.erasures.request import MOST_IDS, VISITOR_ID_MAX_BYTES, Erasure
from query_api import body
from query_api.erasure_request import BODY_MAX_BYTES, MOST_LISTED, Wanted, ask_erasure, ask_list, ask_one
from query_api.erasure_topic import Requests
from query_api.queries import erasures
from query_api.routes.asking import Asking, WebsiteId
from query_api.routes.documentation import ERRORS, POST_ERRORS

_REMEMBERED: Final = 1_000
_EXAMPLE: Final = erasures.requested(
    Erasure(
        UUID("0190163d-8694-739b-aea5-966c26f8ad90"),
        "shop",
        1_769_940_000_000,
        1_769_940_001_000,
        ("visitor-7",),
    )
)


class Place(BaseModel):
    """Where events, or traces of them, are kept."""

    place: str = Field(description="Which one.")
    gone_by: str | None = Field(
        None, description="When nothing is left there, RFC 3339; null where Eventrail cannot tell (yet)."
    )
    how: str = Field(description="What makes it so.")


class Report(BaseModel):
    """One erasure."""

    erasure_id: str = Field(description="A UUID.")
    status: Literal["requested", "running", "done"] = Field(
        description="requested: Kafka has it; running: a writer has read it; done: no answer shows the events any more."
    )
    requested_at: str = Field(description="RFC 3339.")
    covers_until: str = Field(
        description="Events of the visitors that were accepted until then are meant, later ones are not; RFC 3339."
    )
    visitor_ids: int = Field(ge=0, description="How many visitor ids it names.")
    event_ids: int = Field(ge=0, description="How many event ids it names.")
    erased_events: int = Field(ge=0, description="Events deleted, or kept out as they came, until now.")
    done_at: str | None = Field(None, description="RFC 3339; null until it is done.")
    places: list[Place]


class ErasureAnswer(BaseModel):
    """One erasure."""

    data: Report

    model_config = {"json_schema_extra": {"example": {"data": _EXAMPLE}}}


class ErasuresAnswer(BaseModel):
    """Erasures of a website, the newest first."""

    data: list[Report]

    model_config = {"json_schema_extra": {"example": {"data": [_EXAMPLE]}}}


_IDS: Final = {"type": "array", "maxItems": MOST_IDS}
_BODY: Final = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "minProperties": 1,
                "properties": {
                    "visitor_ids": {
                        **_IDS,
                        "items": {"type": "string", "minLength": 1, "maxLength": VISITOR_ID_MAX_BYTES},
                    },
                    "event_ids": {**_IDS, "items": {"type": "string", "format": "uuid"}},
                },
            },
            "example": {"visitor_ids": ["visitor-7"]},
        }
    },
}
_PAGE: Final = [
    {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": "integer", "minimum": least, "maximum": most, "default": default},
    }
    for name, description, least, most, default in (
        ("limit", "Most erasures of one answer.", 1, MOST_LISTED, 100),
        ("offset", "How many of the newest to leave out.", 0, 1_000_000, 0),
    )
]


class Asked:
    """What this process has published lately: until a writer has read it, no table tells of it."""

    def __init__(self) -> None:
        self._reports: OrderedDict[tuple[str, UUID], dict[str, Any]] = OrderedDict()

    def add(self, erasure: Erasure) -> dict[str, Any]:
        """Its report."""
        report = erasures.requested(erasure)
        self._reports[erasure.website_id, erasure.erasure_id] = report
        if len(self._reports) > _REMEMBERED:
            self._reports.popitem(last=False)
        return report

    def find(self, website_id: str, erasure_id: UUID) -> dict[str, Any] | None:
        return self._reports.get((website_id, erasure_id))


def router(asking: Asking, topic: Requests, margin_ms: int) -> APIRouter:
    """The endpoints, bound to `asking`; events accepted up to `margin_ms` after a request are covered by it."""
    routes = APIRouter()
    asked = Asked()

    async def published(website_id: str, wanted: Wanted) -> Erasure:
        # The clock before the ends: what came in between is covered by the positions.
        now_ms = asking.clock.now_ms()
        ends = await topic.raw_ends()
        erasure = wanted.at(now_ms, margin_ms, ends, uuid4(), website_id)
        await topic.publish(erasure)
        return erasure

    @routes.post(
        "/api/websites/{website_id}/erasures",
        status_code=202,
        response_model=ErasureAnswer,
        responses=POST_ERRORS,
        openapi_extra={"requestBody": _BODY},
        summary="Forget visitors or events",
        operation_id="request_erasure",
    )
    async def request_erasure(request: Request, website_id: WebsiteId) -> JSONResponse:
        asking.website(request, website_id, "erase")
        wanted = ask_erasure(request.scope["query_string"], await body.read(request, BODY_MAX_BYTES))
        erasure = await published(website_id, wanted)
        return JSONResponse({"data": asked.add(erasure)}, status_code=202)

    @routes.get(
        "/api/websites/{website_id}/erasures",
        response_model=ErasuresAnswer,
        responses=ERRORS,
        openapi_extra={"parameters": _PAGE},
        summary="The erasures of a website that writers have read",
        operation_id="erasures",
    )
    async def listed(request: Request, website_id: WebsiteId) -> JSONResponse:
        asking.website(request, website_id, "erase")
        listing = ask_list(request.scope["query_string"])
        answer = await asking.answer(request, erasures.many(website_id, listing))
        return JSONResponse({"data": erasures.answer(answer.rows)})

    @routes.get(
        "/api/websites/{website_id}/erasures/{erasure_id}",
        response_model=ErasureAnswer,
        responses=ERRORS,
        summary="What became of one erasure",
        operation_id="erasure",
    )
    async def report(request: Request, website_id: WebsiteId, erasure_id: str) -> JSONResponse:
        asking.website(request, website_id, "erase")
        wanted = ask_one(request.scope["query_string"], erasure_id)
        answer = await asking.answer(request, erasures.one(website_id, wanted))
        found = erasures.answer(answer.rows)
        known = found[0] if found else asked.find(website_id, wanted)
        if known is None:
            raise HTTPException(404)
        return JSONResponse({"data": known})

    return routes
