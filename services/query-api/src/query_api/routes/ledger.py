"""`GET /api/pipeline/ledger`: what became of the events that were accepted (docs/ledger.md)."""

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from query_api.pipeline_question import LEDGER_PARAMETERS, ask_ledger
from query_api.queries import ledger
from query_api.routes.asking import Asking
from query_api.routes.documentation import ERRORS, parameters


class RawCounts(BaseModel):
    """Events on the raw topic."""

    accepted: int = Field(ge=0, description="Each of them has a 202.")


class EnricherCounts(BaseModel):
    """What became of them at the enricher; the sum is `accepted`."""

    enriched: int = Field(ge=0, description="Handed on to the writer.")
    rejected: int = Field(ge=0, description="On the rejected topic, with reason and bytes.")
    expired: int = Field(ge=0, description="Removed by the topic's retention before they were read: lost.")
    in_flight: int = Field(ge=0, description="Still on the way.")


class WriterCounts(BaseModel):
    """What became of them at the writer; the sum is `enriched`."""

    stored: int = Field(ge=0, description="In the table of events: this very event counts in the answers.")
    duplicate: int = Field(
        ge=0, description="The same event was accepted more than once; another one of them counts."
    )
    rejected: int = Field(ge=0, description="On the rejected topic, with reason and bytes.")
    erased: int = Field(ge=0, description="Erased on request.")
    in_flight: int = Field(ge=0, description="Still on the way.")
    unaccounted: int = Field(ge=0, description="Nobody can tell: must be 0.")


class Books(BaseModel):
    """Counts by stage and outcome."""

    raw: RawCounts
    enricher: EnricherCounts
    writer: WriterCounts


class MinuteBooks(Books):
    """The books of one minute of acceptance; minutes without events are left out."""

    minute: str = Field(description="Its start, RFC 3339, UTC.")


class Ledger(BaseModel):
    """The books of a range of minutes."""

    as_of: str | None = Field(description="When the auditor looked last, RFC 3339; null where it never did.")
    unaccounted: int = Field(ge=0, description="Sum of all minutes; anything but 0 needs a person.")
    in_flight: int = Field(ge=0, description="Sum of both stages and all minutes.")
    totals: Books
    minutes: list[MinuteBooks]


class LedgerAnswer(BaseModel):
    """The ledger."""

    data: Ledger

    model_config = {
        "json_schema_extra": {
            "example": ledger.answer(
                [(1_769_940_000, 100, 98, 1, 0, 1, 95, 2, 0, 0, 1, 0)], 1_769_940_055_000
            )
        }
    }


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    @routes.get(
        "/api/pipeline/ledger",
        response_model=LedgerAnswer,
        responses=ERRORS,
        openapi_extra=parameters(LEDGER_PARAMETERS),
        summary="What became of the events of all websites, by minute of acceptance",
        operation_id="pipeline_ledger",
    )
    async def pipeline_ledger(request: Request) -> JSONResponse:
        asking.operator(request)
        now_ms = asking.clock.now_ms()
        question = ask_ledger(request.scope["query_string"], now_ms, asking.settings.max_points)
        as_of = await asking.answer(request, ledger.AS_OF)
        answer = await asking.answer(request, ledger.statement(question))
        return JSONResponse(ledger.answer(answer.rows, as_of.rows[0][0] if as_of.rows else 0))

    return routes
