"""`GET /api/websites/{website_id}/live`: events as they are written, as server-sent events (docs/live.md)."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response

from eventrail.errors import KafkaUnavailable
from query_api.head import WAS_HEAD
from query_api.live.hub import Live
from query_api.live.response import EventStream
from query_api.question.live import FIELDS, ask
from query_api.routes.asking import Asking, WebsiteId
from query_api.routes.documentation import ERRORS, in_query

LastEventId = Annotated[
    str | None,
    Header(
        description="The last id that the client has seen: go on behind it. Without it, the stream begins now."
    ),
]

_STREAM: Final[dict[str, Any]] = {
    "description": "An endless stream of messages: event, reset, lagged, waiting (docs/live.md).",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


def router(asking: Asking, live: Live | None) -> APIRouter:
    """The endpoint, bound to `asking`; without `live` it answers 503."""
    routes = APIRouter()

    @routes.get(
        "/api/websites/{website_id}/live",
        response_class=EventStream,
        status_code=200,  # FastAPI reads it off the class where it is not said
        responses={**ERRORS, 200: _STREAM},
        openapi_extra=in_query(FIELDS, optional=["event_name"]),
        summary="Events as they are written",
        operation_id="live_events",
    )
    async def live_events(
        request: Request, website_id: WebsiteId, last_event_id: LastEventId = None
    ) -> Response:
        website = asking.website(request, website_id, "read")
        question = ask(await asking.given(request, FIELDS), asking.context(website))
        if request.scope.get(WAS_HEAD):
            return Response(media_type=EventStream.media_type)
        if live is None:
            raise KafkaUnavailable("this query API was started without Kafka")
        await live.admit()
        messages = live.messages(question, last_event_id)
        return EventStream(messages, live.leave, asking.settings.live_stall_seconds)

    return routes
