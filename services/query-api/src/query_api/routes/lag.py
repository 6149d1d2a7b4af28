"""`GET /api/pipeline/lag`: how far each stage is, and what holds the answers back (docs/data-through.md)."""

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from query_api.pipeline_question import ask_lag
from query_api.progress import lag
from query_api.routes.asking import Asking
from query_api.routes.documentation import ERRORS


class PartitionLag(BaseModel):
    """One partition that a stage reads."""

    partition: int = Field(ge=0)
    end: int = Field(ge=0, description="Offset of the next record.")
    committed: int | None = Field(description="Where the stage goes on; null where it never committed.")
    lag: int = Field(ge=0, description="Records that wait for the stage; what was removed does not.")


class StageLag(BaseModel):
    """A stage of the pipeline."""

    lag: int = Field(
        ge=0, description="Sum of all partitions. A record of the raw topic may hold many events."
    )
    partitions: list[PartitionLag]


class SpoolLag(BaseModel):
    """A collector's spool, as its last report says."""

    id: str
    host: str
    events: int | None = Field(
        description="Events that wait on its disk; null where the report cannot be read."
    )
    silent_seconds: int = Field(ge=0, description="Age of that report; a spool reports each second.")


class Standing(BaseModel):
    """How far each stage is."""

    as_of: str | None = Field(
        description="When Kafka was asked last, RFC 3339; null where it never answered."
    )
    data_through: str | None = Field(
        description="Each event whose 202 left before this instant is stored, rejected or a copy; null if unknown."
    )
    held_by: list[str] = Field(
        description="What keeps data_through from moving, for people; empty while it moves."
    )
    enricher: StageLag
    writer: StageLag
    spools: list[SpoolLag]


class LagAnswer(BaseModel):
    """The standing of the pipeline."""

    data: Standing

    model_config = {"json_schema_extra": {"example": lag.answer(lag.EXAMPLE)}}


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    @routes.get(
        "/api/pipeline/lag",
        response_model=LagAnswer,
        responses=ERRORS,
        summary="How far enricher, writer and spools are, and up to when the answers are complete",
        operation_id="pipeline_lag",
    )
    async def pipeline_lag(request: Request) -> JSONResponse:
        asking.operator(request)
        ask_lag(request.scope["query_string"])
        return JSONResponse(lag.answer(asking.progress.lag()))

    return routes
