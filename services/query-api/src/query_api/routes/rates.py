"""`GET /api/pipeline/rates`: events per second by outcome, minute by minute (docs/ledger.md)."""

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from query_api.pipeline_question import RATES_PARAMETERS, LedgerQuestion, ask_rates
from query_api.queries import ledger, rates
from query_api.routes.asking import Asking
from query_api.routes.documentation import ERRORS, parameters


class RawRates(BaseModel):
    """Events on the raw topic, per second."""

    accepted: float = Field(ge=0)


class EnricherRates(BaseModel):
    """What became of them at the enricher, per second."""

    enriched: float = Field(ge=0)
    rejected: float = Field(ge=0)
    expired: float = Field(ge=0)


class WriterRates(BaseModel):
    """What became of them at the writer, per second."""

    stored: float = Field(ge=0)
    duplicate: float = Field(ge=0)
    rejected: float = Field(ge=0)
    erased: float = Field(ge=0)


class MinuteRates(BaseModel):
    """The events that were accepted in one minute, divided by 60 seconds."""

    minute: str = Field(description="Its start, RFC 3339, UTC.")
    raw: RawRates
    enricher: EnricherRates
    writer: WriterRates


class Rates(BaseModel):
    """Minutes in the order of time, those without events included."""

    as_of: str | None = Field(
        description="When the auditor looked last, RFC 3339; null where it never did. Later minutes are left out."
    )
    minutes: list[MinuteRates]


class RatesAnswer(BaseModel):
    """The rates."""

    data: Rates

    model_config = {
        "json_schema_extra": {
            "example": rates.answer(
                LedgerQuestion(1_769_940_000, 1_769_940_120),
                [(1_769_940_000, 120, 117, 3, 0, 0, 114, 3, 0, 0, 0, 0)],
                1_769_940_075_000,
            )
        }
    }


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    @routes.get(
        "/api/pipeline/rates",
        response_model=RatesAnswer,
        responses=ERRORS,
        openapi_extra=parameters(RATES_PARAMETERS),
        summary="Events per second of all websites by outcome, by minute of acceptance",
        operation_id="pipeline_rates",
    )
    async def pipeline_rates(request: Request) -> JSONResponse:
        asking.operator(request)
        now_ms = asking.clock.now_ms()
        question = ask_rates(request.scope["query_string"], now_ms, asking.settings.max_points)
        as_of = await asking.answer(request, ledger.AS_OF)
        answer = await asking.answer(request, rates.statement(question))
        return JSONResponse(rates.answer(question, answer.rows, as_of.rows[0][0] if as_of.rows else 0))

    return routes
