"""The door of the payload: bytes of a body become members and refusals."""

import msgspec

from collector.payload import diagnosis, members
from collector.refusals import Refused


def read(body: bytes) -> members.Body:
    """Take `body` apart. Raises Refused where it is no JSON, or neither an event nor 1 to 50 of them."""
    if not body.strip(b" \t\r\n"):
        raise Refused("invalid_json", "the body is empty: send an event object or an array of them")
    try:
        compact = _compact(body)
        return members.quick(compact) or diagnosis.examine(compact)
    except RecursionError:
        raise Refused("invalid_json", "the body is nested too deeply") from None


def _compact(body: bytes) -> bytes:
    try:
        return msgspec.json.format(body, indent=-1)
    except ValueError as error:
        raise Refused("invalid_json", _explain(body, error)) from None


def _explain(body: bytes, error: ValueError) -> str:
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        return f"the body is not UTF-8 at byte {wrong.start}"
    if b"\\ud" in body.lower() and "truncated" in str(error):
        return "the body is not JSON: it ends too early, or a \\ud800..\\udfff escape is not one of a pair"
    return f"the body is not JSON: {error}"
