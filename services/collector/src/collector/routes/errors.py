"""Every error of the framework in the collector's own shape."""

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from collector.receipts import whole
from collector.refusals import Refused
from eventrail import logs

_log = logs.get(__name__)


def install(app: FastAPI) -> None:
    """Make `app` answer its own errors as JSON: {"error": {"code", "message", "field"}, "rejected": []}."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _fault)


def _http(request: Request, error: Exception) -> Response:
    headers = dict(getattr(error, "headers", None) or {})
    status = getattr(error, "status_code", 500)
    if status == 405:
        allowed = headers.get("Allow") or headers.get("allow", "")
        return _respond(
            Refused("method_not_allowed", f"{request.method} is not possible here; use {allowed}"), headers
        )
    if status != 404:
        return _respond(Refused("bad_request" if status < 500 else "internal", str(error)), headers)
    return _respond(
        Refused("not_found", f"there is nothing at {request.url.path}; events go to POST /api/collect"),
        headers,
    )


def _fault(_request: Request, _error: Exception) -> Response:
    return _respond(Refused("internal", "the collector failed on this request; it was logged"), {})


def _respond(refused: Refused, headers: dict[str, str]) -> Response:
    return Response(
        whole(refused), status_code=refused.kind.status, media_type="application/json", headers=headers
    )
