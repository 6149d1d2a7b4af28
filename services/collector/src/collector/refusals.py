"""Everything the collector refuses: one table, from which answers, metrics and docs are made."""

from dataclasses import dataclass
from typing import Final

from eventrail.errors import EventrailError


@dataclass(frozen=True, slots=True)
class Kind:
    """One reason to refuse: its code, the HTTP status, whether a retry of the same bytes may succeed."""

    code: str
    status: int
    meaning: str
    retry: bool = False


_ALL: Final = (
    Kind("invalid_json", 400, "The body is not JSON text in UTF-8."),
    Kind("invalid_encoding", 400, "The body is not the gzip that Content-Encoding promises."),
    Kind("validation_error", 400, "A field, a member or the array breaks a rule."),
    Kind("batch_too_large", 400, "More than 50 events in one request."),
    Kind("payload_too_large", 400, "event_data is longer than 4,096 bytes."),
    Kind("bad_request", 400, "What arrived is no HTTP request."),
    Kind("invalid_key", 401, "The key in Authorization is no server key of the website that may send."),
    Kind("origin_not_allowed", 403, "The website takes no events from pages of this origin."),
    Kind("not_found", 404, "There is no website with this website_id, or nothing at this path."),
    Kind("method_not_allowed", 405, "The path exists, but not for this method; see Allow."),
    Kind("request_timeout", 408, "The request did not arrive in time.", retry=True),
    Kind("body_too_large", 413, "The body is longer than 102,400 bytes, as sent or when unpacked."),
    Kind(
        "unsupported_media_type",
        415,
        "Neither JSON nor plain text, not UTF-8, or compressed other than with gzip.",
    ),
    Kind("headers_too_large", 431, "The request line and headers are too long."),
    Kind("rate_limited", 429, "More events than a rate limit lets through; see Retry-After.", retry=True),
    Kind("internal", 500, "A fault of the collector; it is logged as an error.", retry=True),
    Kind(
        "unavailable",
        503,
        "Not taken: Kafka is away or slow, or the queue is full; see Retry-After.",
        retry=True,
    ),
)

KINDS: Final = {kind.code: kind for kind in _ALL}


class Refused(EventrailError):
    """A request, or one member of it, that is not taken.

    `code` is a key of KINDS; `message` says what is wrong and what to do; `field` names the field
    as the client spells it, None where the whole member or body is meant; `names_field` tells that the message
    names it already.
    """

    def __init__(
        self, code: str, message: str, field: str | None = None, *, names_field: bool = False
    ) -> None:
        super().__init__(message)
        self.kind = KINDS[code]
        self.message = message
        self.field = field
        self.names_field = names_field


def invalid(message: str, field: str | None = None) -> Refused:
    """A Refused with the code that is used most: validation_error."""
    return Refused("validation_error", message, field)
