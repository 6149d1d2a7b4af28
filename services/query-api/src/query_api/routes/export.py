"""`GET` and `POST /api/websites/{website_id}/export`: all events of a selection, as files."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from eventrail import logs
from eventrail.accept_encoding import takes
from eventrail.errors import EventrailError, UnavailableError
from query_api.errors import ClientGone
from query_api.exporting import File, parts, prepare
from query_api.head import WAS_HEAD
from query_api.question.export import FIELDS, MEDIA_TYPES, ask
from query_api.routes.asking import Asking, WebsiteId
from query_api.routes.documentation import ERRORS, GONE, POST_ERRORS, in_body, in_query
from query_api.routes.rows import OPTIONAL

_log = logs.get(__name__)

_GZIP: Final = 31
"""What zlib calls a gzip file with the largest window."""

_HEADERS: Final = {
    "Eventrail-Cursor": "Gives this file again; with skip, the rest of it.",
    "Eventrail-Next-Cursor": "Gives the next file; missing at the last one.",
    "Eventrail-Rows": "Rows of this file, those that were skipped included.",
    "Eventrail-Total-Rows": "Rows of all files.",
}


class Exports:
    """At most `most` exports at the same time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Counts one export while the block runs. Raises UnavailableError where there are too many."""
        if self._running >= self._most:
            raise UnavailableError(f"{self._most} exports are running already")
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1


def router(asking: Asking) -> APIRouter:
    """The endpoint, bound to `asking`."""
    routes = APIRouter()
    exports = Exports(asking.settings.max_exports)

    async def export(request: Request, website_id: WebsiteId) -> Response:
        website = asking.website(request, website_id, "export")
        given = await asking.given(request, FIELDS)
        question = ask(given, asking.context(website), request.headers.get("accept", ""))
        conversation = await asking.conversation(request, question.selection, given)
        with exports.one():
            file = await prepare(question, conversation.rows)
        if request.scope.get(WAS_HEAD):
            return _head(file)
        stall_seconds = asking.settings.export_stall_seconds
        return _Streamed(exports, file, parts(file, conversation.rows), stall_seconds)

    _document(routes, export)
    return routes


class _Streamed(Response):
    """Sends a file part by part, each as soon as the client has room for it; what breaks off ends without an end."""

    def __init__(
        self, exports: Exports, file: File, found: AsyncIterator[bytes], stall_seconds: float
    ) -> None:
        super().__init__(headers=_headers(file), media_type=MEDIA_TYPES[file.question.format])
        del self.headers["content-length"]
        self._exports = exports
        self._found = found
        self._stall_seconds = stall_seconds
        self._by_row = file.question.format.by_row

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._by_row and takes(Request(scope).headers.get("accept-encoding", ""), "gzip"):
            self.headers["Content-Encoding"] = "gzip"
            self._found = _gzipped(self._found)
        with self._exports.one():
            try:
                start = {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
                await self._send(send, start)
                async for part in self._found:
                    await self._send(send, _body(part, more=True))
                await self._send(send, _body(b"", more=False))
            except ClientGone:
                return
            except (EventrailError, TimeoutError) as error:
                # The answer has begun, so the missing end is all that can tell the client.
                _log.warning("an export broke off", reason=str(error) or "the client takes nothing")

    async def _send(self, send: Send, message: Message) -> None:
        async with asyncio.timeout(self._stall_seconds):
            await send(message)


def _body(part: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": part, "more_body": more}


def _head(file: File) -> Response:
    """As `_Streamed` begins, without reading the rows for nobody."""
    response = Response(headers=_headers(file), media_type=MEDIA_TYPES[file.question.format])
    del response.headers["content-length"]
    return response


def _headers(file: File) -> dict[str, str]:
    format_ = file.question.format
    headers = {
        "Content-Disposition": f'attachment; filename="events.{format_}"',
        "Cache-Control": "no-store",
        "Vary": "Accept, Accept-Encoding",
        "Eventrail-Cursor": file.cursor,
        "Eventrail-Rows": str(file.rows),
        "Eventrail-Total-Rows": str(file.position.pin.rows),
    }
    following = file.next_cursor
    return headers if following is None else {**headers, "Eventrail-Next-Cursor": following}


async def _gzipped(found: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(wbits=_GZIP)
    async for part in found:
        yield await asyncio.to_thread(packer.compress, part) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def _document(routes: APIRouter, endpoint: Any) -> None:
    path, summary = "/api/websites/{website_id}/export", "All events as NDJSON, CSV, Parquet or Arrow"
    answer = {
        "description": "The file.",
        "content": {
            name: {"schema": {"type": "string", "format": "binary"}} for name in MEDIA_TYPES.values()
        },
        "headers": {
            name: {"description": meaning, "schema": {"type": "string"}} for name, meaning in _HEADERS.items()
        },
    }
    for method, errors, extra in (
        (routes.get, ERRORS, in_query(FIELDS, optional=OPTIONAL)),
        (routes.post, POST_ERRORS, in_body(FIELDS, optional=OPTIONAL)),
    ):
        by_post = "_by_post" if method == routes.post else ""
        method(
            path,
            response_class=Response,
            responses={**errors, 200: answer, 410: GONE},
            openapi_extra=extra,
            operation_id=f"export{by_post}",
            summary=summary,
        )(endpoint)
