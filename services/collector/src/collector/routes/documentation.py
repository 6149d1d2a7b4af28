"""OpenAPI for the hot endpoint: it is plain ASGI, so what it takes and answers is described here."""

from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from collector.limits import USER_AGENT_MAX_CHARACTERS
from collector.payload.event_data import MAX_BYTES
from collector.payload.members import MAX_MEMBERS
from collector.payload.rules import MAX_CHARACTERS, SCREEN_MAX
from collector.payload.timestamps import FARTHEST_MS
from collector.refusals import KINDS
from collector.routes.collect import PATHS

_RETRY_AFTER: Final = {
    "description": "Seconds after which to try again.",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}
_REFERENCE: Final = "#/components/schemas/{model}"


def _text(name: str, description: str) -> Any:
    return Field(None, max_length=MAX_CHARACTERS[name], description=description)


_Moment = (
    Annotated[int, Field(ge=-FARTHEST_MS, le=FARTHEST_MS)]
    | Annotated[str, Field(json_schema_extra={"format": "date-time"})]
)


class Event(BaseModel):
    """One event. Fields that are not listed are ignored and named in the receipt."""

    model_config = ConfigDict(
        title="Event", json_schema_extra={"anyOf": [{"required": ["event_type"]}, {"required": ["type"]}]}
    )

    website_id: str = Field(
        pattern=r"^[A-Za-z0-9._-]{1,64}$", description="The website: 1 to 64 characters of A-Z a-z 0-9 . _ -"
    )
    event_type: Literal["custom", "event", "pageview"] | None = Field(
        None, description='"custom" for a custom event; required unless `type` is there.'
    )
    type: Literal["custom", "event", "pageview"] | None = Field(
        None, description="What trackers send instead of `event_type`."
    )
    event_name: str | None = Field(
        None,
        description="Required for a custom event: 1 to 255 characters after trimming; none for a page view.",
    )
    url: str | None = _text("url", "The page, or only its path.")
    referrer: str | None = _text("referrer", "The page that led there.")
    event_data: str | dict[str, Any] | None = Field(
        None,
        description=f"A JSON object, or a string that holds one; at most {MAX_BYTES:,} bytes in compact form.",
    )
    visitor_id: str | None = Field(
        None, max_length=64, description="The client's own id of the visitor, 1 to 64 bytes."
    )
    language: str | None = Field(
        None,
        description="BCP 47 tag, such as en-GB, at most 35 characters; of an Accept-Language header the first.",
    )
    screen: Annotated[str, Field(pattern=r"^(\d{1,6}[xX]\d{1,6})?$")] | None = Field(
        None, description='Size of the screen in pixels, such as "1920x1080".'
    )
    screen_width: int | None = Field(None, ge=1, le=SCREEN_MAX, description="Instead of `screen`.")
    screen_height: int | None = Field(None, ge=1, le=SCREEN_MAX, description="Instead of `screen`.")
    utm_source: str | None = _text("utm_source", "Wins over the one in `url`.")
    utm_medium: str | None = _text("utm_medium", "Wins over the one in `url`.")
    utm_campaign: str | None = _text("utm_campaign", "Wins over the one in `url`.")
    utm_term: str | None = _text("utm_term", "Wins over the one in `url`.")
    utm_content: str | None = _text("utm_content", "Wins over the one in `url`.")
    event_id: Annotated[str, Field(json_schema_extra={"format": "uuid"})] | None = Field(
        None,
        description="UUID that makes repeats harmless; needs `timestamp`, unless it has version 7.",
    )
    timestamp: _Moment | None = Field(
        None, description="When it happened: Unix milliseconds, or ISO 8601 text with its zone."
    )
    sent_at: _Moment | None = Field(
        None,
        description="The client's clock at sending, in the same form; it corrects `timestamp` for a wrong clock.",
    )
    client_ip: str | None = Field(
        None, description="With a server key: the visitor's address, IPv4 or IPv6. Without one it is ignored."
    )
    user_agent: str | None = Field(
        None,
        max_length=USER_AGENT_MAX_CHARACTERS,
        description="With a server key: the visitor's User-Agent. Without one it is ignored.",
    )


class RejectedMember(BaseModel):
    """A member that was not accepted."""

    index: int = Field(description="Its place in the request, from 0.")
    code: str = Field(description="One of: " + ", ".join(KINDS))
    message: str = Field(description="What is wrong, where, and what to do.")
    field: str | None = Field(description="The field that is wrong, null where it is none.")
    retry: bool = Field(description="Whether sending the same again may succeed.")
    event_id: str | None = Field(None, description="The id to send it again with, where `retry` is true.")


class AdjustedMember(BaseModel):
    """A field of an accepted event that was not taken as sent."""

    index: int
    field: str
    message: str


class Accepted(BaseModel):
    """The accepted events are durable: all replicas in sync have them."""

    ok: Literal[True]
    accepted: int = Field(description="Number of accepted events, 1 to 50.")
    event_ids: list[str] = Field(description="Ids of the accepted events, in the order sent.")
    durability: Literal["broker"] = Field(description='Where they are: "broker" is on all replicas in sync.')
    token: str = Field(description="Opaque: hand it to the query API to read one's own writes.")
    rejected: list[RejectedMember] = Field(description="The others; they fail alone.")
    ignored_fields: list[str] = Field([], description="Fields that are not known, at most 50 names.")
    adjusted: list[AdjustedMember] = Field([], description="Timestamps that were not believed.")


class Error(BaseModel):
    """Why nothing was accepted."""

    code: str = Field(description="One of: " + ", ".join(KINDS))
    message: str
    field: str | None = None


class NotAccepted(BaseModel):
    """The answer where nothing was accepted: the status of the first refusal."""

    error: Error
    rejected: list[RejectedMember]
    event_ids: list[str] = Field([], description="With 503: the ids that were assigned, to send again with.")
    ignored_fields: list[str] = []


SINGLE: Final = {
    "website_id": "cm5x9yz1a0001...",
    "event_type": "custom",
    "event_name": "signup_click",
    "url": "https://example.com/pricing",
    "event_data": '{ " plan " : " pro " }',
}
BATCH: Final = [
    {
        "website_id": "cm5x9yz1a0001...",
        "event_type": "custom",
        "event_name": "add_to_cart",
        "event_data": '{ " product_id " :123}',
    },
    {
        "website_id": "cm5x9yz1a0001...",
        "event_type": "custom",
        "event_name": "checkout_start",
        "event_data": '{ " cart_value " :149.99}',
    },
]
"""The examples of the spec, section "Collecting Events"."""


def install(app: FastAPI) -> None:
    """Add the collect endpoints to the OpenAPI document of `app`."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    _, schemas = models_json_schema(
        [(Event, "validation"), (Accepted, "serialization"), (NotAccepted, "serialization")],
        ref_template=_REFERENCE,
    )
    made.setdefault("components", {}).setdefault("schemas", {}).update(schemas["$defs"])
    made["paths"].update({path: {"post": _operation(path)} for path in PATHS})
    return made


def _operation(path: str) -> dict[str, Any]:
    event = {"$ref": _REFERENCE.format(model="Event")}
    batch = {"type": "array", "items": event, "minItems": 1, "maxItems": MAX_MEMBERS}
    examples = {"single": {"value": SINGLE}, "batch": {"value": BATCH}}
    body = {"schema": {"oneOf": [event, batch]}, "examples": examples}
    return {
        "summary": "Collect one event or 1 to 50 of them",
        "operationId": f"collect{path.replace('/', '_')}",
        "requestBody": {"required": True, "content": {"application/json": body, "text/plain": body}},
        "responses": {"202": _response("At least one event is durable.", "Accepted"), **_refusals()},
    }


def _refusals() -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for kind in KINDS.values():
        by_status.setdefault(kind.status, []).append(f"`{kind.code}`: {kind.meaning}")
    documented = {
        str(status): _response("\n\n".join(meanings), "NotAccepted") for status, meanings in by_status.items()
    }
    for status in ("429", "503"):
        documented[status]["headers"] = {"Retry-After": _RETRY_AFTER}
    return documented


def _response(description: str, model: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REFERENCE.format(model=model)}}}
    return {"description": description, "content": content}
