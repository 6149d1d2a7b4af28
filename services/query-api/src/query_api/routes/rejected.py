"""`GET /api/pipeline/rejected`: how many events were rejected, by whom, why, of which website (docs/rejected.md)."""

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from query_api.pipeline_question import REJECTED_PARAMETERS, ask_rejected
from query_api.queries import ledger, rejected
from query_api.routes.asking import Asking
from query_api.routes.documentation import ERRORS, parameters


class RejectedKind(BaseModel):
    """Rejections that have stage, reason and website in common."""

    stage: str = Field(
        description="Who rejected them: enricher or writer; unspecified where that is not known."
    )
    reason: str = Field(description="From the closed list of docs/rejected.md.")
    website_id: str = Field(description="Empty where none could be read.")
    rejected: int = Field(ge=1)
    latest: str = Field(description="The minute of the last one, RFC 3339, UTC.")


class RejectedCounts(BaseModel):
    """Rejections of a range of minutes."""

    as_of: str | None = Field(description="When the auditor looked last, RFC 3339; null where it never did.")
    rejected: int = Field(ge=0, description="Sum of all kinds, those that were left out included.")
    kinds: list[RejectedKind]


class RejectedMeta(BaseModel):
    """Only there when something was left out."""

    truncated: bool
    kinds_left_out: int = Field(ge=0, description="How many rarer kinds are not in `data`.")


class RejectedAnswer(BaseModel):
    """Kinds by count descending, then by stage, reason and website."""

    data: RejectedCounts
    meta: RejectedMeta | None = None

    model_config = {
        "json_schema_extra": {
            "example": rejected.answer(
                [
                    ("enricher", "invalid", "shop", 12, 1_769_940_000, 13, 2),
                    ("writer", "insert_refused", "blog", 1, 1_769_939_940, 13, 2),
                ],
                1_769_940_055_000,
            )
        }
    }


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    @routes.get(
        "/api/pipeline/rejected",
        response_model=RejectedAnswer,
        responses=ERRORS,
        openapi_extra=parameters(REJECTED_PARAMETERS),
        summary="Rejected events of all websites, by stage, reason and website",
        operation_id="pipeline_rejected",
    )
    async def pipeline_rejected(request: Request) -> JSONResponse:
        asking.operator(request)
        question = ask_rejected(request.scope["query_string"], asking.clock.now_ms())
        as_of = await asking.answer(request, ledger.AS_OF)
        answer = await asking.answer(request, rejected.statement(question, asking.settings.max_points))
        return JSONResponse(rejected.answer(answer.rows, as_of.rows[0][0] if as_of.rows else 0))

    return routes
