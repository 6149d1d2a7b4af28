"""`GET /api/websites`: what a key may see (docs/access.md)."""

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from eventrail.websites.model import Scope
from query_api.listing import WEBSITES_PARAMETERS, answer, ask_websites
from query_api.routes.asking import Asking
from query_api.routes.documentation import ERRORS, parameters


class ListedWebsite(BaseModel):
    """A website at which the key stands."""

    website_id: str
    name: str
    domains: list[str] = Field(description="The first one is the main domain; lower case, punycode.")
    timezone: str = Field(description="IANA name.")
    retention_days: int | None = Field(description="null where the website has no limit of its own.")
    scopes: list[Scope] = Field(description="What the key may do there.")


class WebsitesMeta(BaseModel):
    """How much there is."""

    open: bool = Field(
        description="true where there is no websites file: any id is a website, none is listed."
    )
    total: int | None = Field(None, ge=0, description="Websites of the key, on all pages.")


class WebsitesAnswer(BaseModel):
    """Websites in the order of the file."""

    data: list[ListedWebsite]
    meta: WebsitesMeta

    model_config = {
        "json_schema_extra": {
            "example": {
                "data": [
                    {
                        "website_id": "shop",
                        "name": "Widget shop",
                        "domains": ["shop.example"],
                        "timezone": "Europe/Berlin",
                        "retention_days": 400,
                        "scopes": ["read", "export"],
                    }
                ],
                "meta": {"open": False, "total": 1},
            }
        }
    }


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()

    @routes.get(
        "/api/websites",
        response_model=WebsitesAnswer,
        responses=ERRORS,
        openapi_extra=parameters(WEBSITES_PARAMETERS),
        summary="The websites of the key, with its scopes",
        operation_id="list_websites",
    )
    async def list_websites(request: Request) -> JSONResponse:
        page = ask_websites(request.scope["query_string"])
        access = asking.access(request)
        return JSONResponse(answer(None if access.key is None else access.grants(), page))

    return routes
