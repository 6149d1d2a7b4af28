"""What the collector answered, and what it means for each event of the request (docs/collect.md)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

ACCEPTED: Final = 202
TOO_LARGE: Final = 413

OF_THE_BODY: Final = frozenset(
    ("invalid_json", "validation_error", "batch_too_large", "payload_too_large", "body_too_large")
)
"""Codes of the collector that can mean one event, but were said of a whole request."""


class Answer(NamedTuple):
    """An HTTP answer: its status, the seconds that Retry-After asks for (0: none), and its body."""

    status: int
    retry_after: float
    body: bytes


class Refused(NamedTuple):
    """Why the collector will never take an event."""

    code: str
    message: str
    field: str | None


@dataclass(slots=True)
class Verdict:
    """What an answer means, by the places of the events in the request; those in neither set were accepted.

    `refused` will never be taken, `again` may be. `whole` is there where the collector refused the request for
    something in its body and did not say which event it was. `trouble` says in one line why something has to be sent
    again, "" where nothing has. `notes` are remarks of the collector on events that it accepted.
    """

    refused: dict[int, Refused] = field(default_factory=dict)
    again: set[int] = field(default_factory=set)
    whole: Refused | None = None
    too_large: bool = False
    trouble: str = ""
    notes: list[str] = field(default_factory=list)


def read(answer: Answer, count: int) -> Verdict:
    """What `answer` means for a request of `count` events. Whatever is no receipt means: all of them again."""
    body = _object(answer.body)
    rejected = dict(_rejected(body, count))
    verdict = Verdict()
    for index, entry in rejected.items():
        if entry.get("retry") is False:
            verdict.refused[index] = _refused(entry)
        else:
            verdict.again.add(index)
            verdict.trouble = verdict.trouble or _trouble(answer.status, entry)
    if answer.status == ACCEPTED and body.get("accepted") == count - len(rejected):
        verdict.notes = list(_notes(body))
        return verdict
    verdict.again |= set(range(count)) - rejected.keys()
    if verdict.again and not verdict.trouble:
        _judge_whole(verdict, answer, body.get("error"))
    return verdict


def _judge_whole(verdict: Verdict, answer: Answer, error: Any) -> None:
    said = error if isinstance(error, Mapping) else {}
    verdict.trouble = _trouble(answer.status, said)
    verdict.too_large = answer.status == TOO_LARGE
    if said.get("code") in OF_THE_BODY:
        verdict.whole = _refused(said)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _rejected(body: Mapping[str, Any], count: int) -> Iterable[tuple[int, Mapping[str, Any]]]:
    entries = body.get("rejected")
    for entry in entries if isinstance(entries, list) else ():
        index = entry.get("index") if isinstance(entry, Mapping) else None
        if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < count:
            yield index, entry


def _refused(entry: Mapping[str, Any]) -> Refused:
    name = entry.get("field")
    return Refused(str(entry.get("code")), str(entry.get("message")), None if name is None else str(name))


def _trouble(status: int, entry: Mapping[str, Any]) -> str:
    code, message = entry.get("code"), entry.get("message")
    return f"{status} {code}: {message}" if code else f"status {status} without a receipt"


def _notes(body: Mapping[str, Any]) -> Iterable[str]:
    ignored, adjusted = body.get("ignored_fields"), body.get("adjusted")
    if isinstance(ignored, list) and ignored:
        yield f"these fields were ignored: {', '.join(map(str, ignored))}"
    if isinstance(adjusted, list) and adjusted and isinstance(adjusted[0], Mapping):
        yield f"of {len(adjusted)} events the time was replaced; {adjusted[0].get('message')}"
