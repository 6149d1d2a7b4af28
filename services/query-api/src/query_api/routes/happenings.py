"""What the endpoints that follow visitors have in common in OpenAPI."""

from typing import Any, Final

from pydantic import BaseModel, Field

from eventrail.contract.names import EVENT_NAME_MAX_CHARACTERS
from query_api.question.filters import MAX_CHARACTERS, MAX_CONDITIONS
from query_api.question.given import FILTERS
from query_api.question.happenings import EVENT_NAME, PAGE
from query_api.routes.documentation import FILTER_SCHEMA

_FILTERS: Final[dict[str, Any]] = {"type": "array", "maxItems": MAX_CONDITIONS, "items": FILTER_SCHEMA}

HAPPENING_SCHEMA: Final[dict[str, Any]] = {
    "oneOf": [
        {
            "type": "object",
            "additionalProperties": False,
            "required": [EVENT_NAME],
            "properties": {
                EVENT_NAME: {"type": "string", "minLength": 1, "maxLength": EVENT_NAME_MAX_CHARACTERS},
                FILTERS: _FILTERS,
            },
        },
        {
            "type": "object",
            "additionalProperties": False,
            "required": [PAGE],
            "properties": {
                PAGE: {
                    "type": "string",
                    "pattern": "^/",
                    "maxLength": MAX_CHARACTERS,
                    "description": "Views of the page with exactly this path; one that ends with * means all paths "
                    "that begin so.",
                },
                FILTERS: _FILTERS,
            },
        },
    ]
}
"""A custom event or a view of a page, with filters of its own."""


class LeftOut(BaseModel):
    """Whom an answer could not follow, counted by the events that it begins with."""

    reason: str = Field(
        description="hashed_visitor_ids: they change each day, so nobody is followed by them."
    )
    visitors: int = Field(
        ge=0, description="Visitors that are left out; a hashed id counts for each of its days."
    )
    share: float | None = Field(description="They among all visitors, 0 to 1; null where there are none.")
    events: int = Field(ge=0, description="Events that are left out, those without any visitor id included.")
    events_share: float | None = Field(
        description="They among all events, 0 to 1; null where there are none."
    )
