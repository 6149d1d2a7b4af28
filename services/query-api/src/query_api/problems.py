"""Every error as HTTP: one shape, one table.

The shape is `{"error": {"code": str, "message": str, "field": str or null}}`; `field` names the
parameter that is wrong (spec section "Event Name Validation" and its messages).

| what was raised                    | status | code                 |
|------------------------------------|--------|----------------------|
| Invalid                            | 400    | validation_error     |
| no such path                       | 404    | not_found            |
| method other than GET and HEAD     | 405    | method_not_allowed   |
| TooEarly                           | 425    | too_early            |
| ClientGone                         | 499    | client_gone          |
| anything that nobody expected      | 500    | internal_error       |
| eventrail.errors.UnavailableError  | 503    | unavailable          |
"""

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from eventrail import logs
from eventrail.errors import UnavailableError
from query_api.errors import ClientGone, Invalid, TooEarly, shown

_log = logs.get(__name__)
ALLOWED_METHODS = "GET, HEAD"


def response(
    status: int, code: str, message: str, field: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    """One error in the one shape."""
    body = {"error": {"code": code, "message": message, "field": field}}
    return JSONResponse(body, status_code=status, headers=headers)


def install(app: FastAPI, *, retry_after_seconds: int) -> None:
    """Make `app` answer each error as the table above says."""

    def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Invalid)  # noqa: S101 - tells the type checker what is registered below
        return response(400, "validation_error", error.message, error.field)

    def unavailable(_request: Request, error: Exception) -> Response:
        _log.warning("answered 503", reason=str(error), cause=str(error.__cause__).partition("\n")[0])
        message = f"the query cannot be answered now, try again in {retry_after_seconds} s: {error}"
        return response(503, "unavailable", message, headers={"Retry-After": str(retry_after_seconds)})

    app.add_exception_handler(Invalid, invalid)
    app.add_exception_handler(TooEarly, _early)
    app.add_exception_handler(UnavailableError, unavailable)
    app.add_exception_handler(ClientGone, _gone)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(Exception, _unexpected)


def _early(_request: Request, error: Exception) -> Response:
    assert isinstance(error, TooEarly)  # noqa: S101 - as above
    headers = {"Retry-After": str(error.retry_after_seconds)}
    return response(425, "too_early", str(error), "token", headers=headers)


def _gone(_request: Request, _error: Exception) -> Response:
    return response(499, "client_gone", "the client closed the connection before the answer")


def _framework(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return response(404, "not_found", f"no such path: {shown(request.url.path)}")
    if status == 405:
        message = f"{shown(request.method)} is not allowed here, use GET"
        return response(405, "method_not_allowed", message, headers={"Allow": ALLOWED_METHODS})
    return response(status, "bad_request" if status < 500 else "internal_error", str(error))


def _unexpected(_request: Request, _error: Exception) -> Response:
    # The server logs the trace; the client gets nothing of it.
    return response(500, "internal_error", "the query API failed; its log has the reason")
