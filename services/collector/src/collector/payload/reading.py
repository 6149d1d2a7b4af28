"""The door of the payload: bytes of a body become members and refusals."""

from collector.payload import diagnosis, members, surrogates
from collector.refusals import Refused


def read(body: bytes) -> members.Body:
    """Take `body` apart. Raises Refused where it is no JSON, or neither an event nor 1 to 50 of them."""
    found = members.minimal(body)
    if found is not None:
        return found
    if not body.strip(b" \t\r\n"):
        raise Refused("invalid_json", "the body is empty: send an event object or an array of them")
    try:
        compact = _compact(body)
        return members.quick(compact) or diagnosis.examine(compact)
    except RecursionError:
        raise Refused("invalid_json", "the body is nested too deeply") from None


def _compact(body: bytes) -> bytes:
    try:
        if not body.isascii():
            body.decode()  # what is passed on raw would be looked at too late
        return surrogates.compact(body)
    except ValueError as error:
        raise Refused("invalid_json", _explain(body, error)) from None


def _explain(body: bytes, error: ValueError) -> str:
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        return f"the body is not UTF-8 at byte {wrong.start}"
    return f"the body is not JSON: {error}"
