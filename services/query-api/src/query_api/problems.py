"""Every error as HTTP: one shape, one table.

The shape is `{"error": {"code": str, "message": str, "field": str or null}}`; `field` names the
parameter that is wrong (spec section "Event Name Validation" and its messages).

| what was raised                    | status | code                 |
|------------------------------------|--------|----------------------|
| Invalid                            | 400    | validation_error     |
| Unauthorized                       | 401    | unauthorized         |
| Forbidden                          | 403    | forbidden            |
| NotFound                           | 404    | not_found            |
| no such path                       | 404    | not_found            |
| a method that the path has not     | 405    | method_not_allowed   |
| Gone                               | 410    | gone                 |
| TooLarge                           | 413    | payload_too_large    |
| TooCostly                          | 422    | too_costly           |
| TooEarly                           | 425    | too_early            |
| Limited                            | 429    | rate_limited, too_many_concurrent |
| ClientGone                         | 499    | client_gone          |
| anything that nobody expected      | 500    | internal_error       |
| eventrail.errors.UnavailableError  | 503    | unavailable          |
"""

from typing import Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import compile_path

from eventrail import logs
from eventrail.errors import UnavailableError
from query_api.errors import (
    ClientGone,
    Forbidden,
    Gone,
    Invalid,
    Limited,
    NotFound,
    Refused,
    TooCostly,
    TooEarly,
    TooLarge,
    Unauthorized,
    shown,
)

_log = logs.get(__name__)

_CHALLENGE: Final = 'Bearer realm="eventrail"'
_REFUSALS: Final[dict[type[Refused], tuple[int, str]]] = {
    Unauthorized: (401, "unauthorized"),
    Forbidden: (403, "forbidden"),
    NotFound: (404, "not_found"),
}


def response(
    status: int, code: str, message: str, field: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    """One error in the one shape."""
    body = {"error": {"code": code, "message": message, "field": field}}
    return JSONResponse(body, status_code=status, headers=headers)


def refusal_code(error: Refused) -> str:
    """The code of a refusal, from a closed list."""
    return error.code if isinstance(error, Limited) else _REFUSALS[type(error)][1]


def refusal(error: Refused) -> Response:
    """A refusal as the table above says, with the headers that tell what to do (RFC 6750 section 3, RFC 9110)."""
    status = 429 if isinstance(error, Limited) else _REFUSALS[type(error)][0]
    field = "website_id" if isinstance(error, NotFound) else None
    return response(status, refusal_code(error), error.message, field, _what_to_do(error))


def _what_to_do(error: Refused) -> dict[str, str]:
    match error:
        case Limited():
            return {"Retry-After": str(error.retry_after)}
        case Unauthorized():
            challenge = f'{_CHALLENGE}, error="{error.error}"' if error.error else _CHALLENGE
            return {"WWW-Authenticate": challenge}
        case Forbidden():
            return {"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope", scope="{error.scope}"'}
        case _:
            return {}


def install(app: FastAPI, *, retry_after_seconds: int) -> None:
    """Make `app` answer each error as the table above says."""

    def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Invalid)  # noqa: S101 - tells the type checker what is registered below
        return response(400, "validation_error", error.message, error.field)

    def unavailable(_request: Request, error: Exception) -> Response:
        _log.warning("answered 503", reason=str(error), cause=str(error.__cause__).partition("\n")[0])
        message = f"the query cannot be answered now, try again in {retry_after_seconds} s: {error}"
        return response(503, "unavailable", message, headers={"Retry-After": str(retry_after_seconds)})

    def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)  # noqa: S101 - as above
        return refusal(error)

    app.add_exception_handler(Invalid, invalid)
    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(TooEarly, _early)
    app.add_exception_handler(UnavailableError, unavailable)
    app.add_exception_handler(Gone, _no_more)
    app.add_exception_handler(TooLarge, _too_large)
    app.add_exception_handler(TooCostly, _too_costly)
    app.add_exception_handler(ClientGone, _gone)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(Exception, _unexpected)


def _no_more(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Gone)  # noqa: S101 - tells the type checker what is registered above
    body = {"code": "gone", "message": str(error), "field": "cursor", "reason": error.reason}
    return JSONResponse({"error": body}, status_code=410)


def _too_costly(_request: Request, error: Exception) -> Response:
    assert isinstance(error, TooCostly)  # noqa: S101 - tells the type checker what is registered above
    estimate = {"rows": error.rows, "limit": error.most}
    body = {"code": "too_costly", "message": str(error), "field": None, "estimate": estimate}
    return JSONResponse({"error": body}, status_code=422)


def _too_large(_request: Request, error: Exception) -> Response:
    return response(413, "payload_too_large", str(error))


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
        allowed = ", ".join(_methods(request))
        message = f"{shown(request.method)} is not allowed here, use {allowed}"
        return response(405, "method_not_allowed", message, headers={"Allow": allowed})
    return response(status, "bad_request" if status < 500 else "internal_error", str(error))


def _methods(request: Request) -> list[str]:
    """What may be done at the path of `request`, by the API's own document."""
    found = {"GET", "HEAD"}
    for template, endpoint in request.app.openapi()["paths"].items():
        if compile_path(template)[0].match(request.url.path):
            found = {method.upper() for method in endpoint}
    return sorted(found | {"HEAD"} if "GET" in found else found)


def _unexpected(_request: Request, _error: Exception) -> Response:
    # The server logs the trace; the client gets nothing of it.
    return response(500, "internal_error", "the query API failed; its log has the reason")
