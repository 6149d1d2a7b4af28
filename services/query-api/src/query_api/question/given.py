"""What a caller gave: the query string of a GET or the JSON body of a POST, as texts by name, and filters.

Both forms have the same names and meanings; what can be said in one can be said in the other. Nothing is silently
ignored: an unknown name is an error that offers the nearest known one.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import parse_qsl

from query_api.errors import Invalid, shown
from query_api.question.dimensions import DIMENSIONS
from query_api.question.filters import Condition, Term, from_json, from_url, parse_term, together

MAX_PAIRS: Final = 500
FILTERS: Final = "filters"

_MOST_DIGITS = 400
"""Doubles end at 309 digits."""

_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Given:
    """Texts by name in the order in which they came, and the conditions of all filters."""

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()

    def one(self, name: str) -> str | None:
        """The text of `name`, None where it was not given. Raises Invalid where it came more than once."""
        found = self.texts.get(name, ())
        if len(found) > 1:
            raise Invalid(f"{name} is given more than once, give it once", name)
        return found[0] if found else None

    def many(self, name: str) -> tuple[str, ...]:
        """All texts of `name`, split at commas, without repetitions."""
        texts = (part for text in self.texts.get(name, ()) for part in text.split(","))
        return tuple(dict.fromkeys(texts))


def from_query(query: bytes, known: Sequence[str], *, filters: bool = True) -> Given:
    """What the raw query string says. Raises Invalid for bytes that are no text, and for unknown names.

    Where `filters` are taken, every name that is no known one is read as a filter (question/filters.py).
    """
    texts: dict[str, tuple[str, ...]] = {}
    terms: dict[Term, list[str]] = {}
    for name, value in _decoded(query):
        if name in known:
            texts[name] = (*texts.get(name, ()), value)
        elif filters and (term := parse_term(name)):
            terms.setdefault(term, []).append(value)
        else:
            raise _unknown("query parameter", name, known, filters=filters)
    return Given(texts, together([from_url(term, values) for term, values in terms.items()]))


def from_body(body: bytes, known: Sequence[str], *, filters: bool = True) -> Given:
    """What a JSON body says: an object with the names of the query string, and `filters`. Raises Invalid."""
    return from_document(read_object(body), known, filters=filters)


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of `body`. Raises Invalid."""
    document = read_json(body)
    if not isinstance(document, dict):
        raise Invalid("the body must be a JSON object, such as {}")
    return document


def from_document(
    document: Mapping[str, Any], known: Sequence[str], own: Sequence[str] = (), *, filters: bool = True
) -> Given:
    """What the members of a JSON object say; those named in `own` are left to the endpoint. Raises Invalid."""
    conditions: list[Condition] = []
    texts: dict[str, tuple[str, ...]] = {}
    for name, value in document.items():
        if filters and name == FILTERS:
            conditions = conditions_of(value)
        elif name in known:
            texts[name] = _texts(name, value)
        elif name not in own:
            raise _unknown("member", name, [*own, *known, *((FILTERS,) if filters else ())])
    return Given(texts, together(conditions))


def conditions_of(value: Any, place: str = FILTERS) -> list[Condition]:
    """The conditions of a JSON value that stands at `place`. Raises Invalid."""
    if not isinstance(value, list):
        raise Invalid(
            f'{place} must be a list such as [{{"field": "country", "operator": "is", "values": ["DE"]}}]',
            place,
        )
    return [from_json(item, f"{place}[{index}]") for index, item in enumerate(value)]


def read_json(body: bytes) -> Any:
    """The JSON value of `body`. Raises Invalid for what is no JSON (RFC 8259), and for text without a UTF-8 form."""
    try:
        text = body.decode()
        document = json.loads(text, parse_int=_whole, parse_constant=_no_number, object_pairs_hook=_members)
        if "\\u" in text:
            _require_encodable(document)
    except RecursionError:
        raise Invalid("the body is nested too deeply") from None
    except UnicodeDecodeError:
        raise Invalid("the body is not UTF-8") from None
    except ValueError as error:
        raise Invalid(f"the body is no JSON: {error}") from None
    return document


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number has more than {_MOST_DIGITS} digits")
    return int(text)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{shown(twice)} stands twice in one object")
    return found


def _require_encodable(document: Any) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Invalid(
            "the body holds half of a surrogate pair, such as \\ud800, which is no character"
        ) from None


def _decoded(query: bytes) -> list[tuple[str, str]]:
    try:
        text = query.decode()
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PAIRS)
    except UnicodeDecodeError:
        raise Invalid("the query string is not UTF-8, percent-encoded (RFC 3986)") from None
    except ValueError:
        raise Invalid(f"the query string has more than {MAX_PAIRS} parameters") from None
    if _BAD_PERCENT.search(text):
        raise Invalid("the query string has a '%' without two hex digits after it; write '%25' for '%'")
    return pairs


def _texts(name: str, value: Any) -> tuple[str, ...]:
    return tuple(_text(name, item) for item in value) if isinstance(value, list) else (_text(name, value),)


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise Invalid(f"{name} must be a text, a whole number, true or false, or a list of such", name)


def nearest(given: str, known: Iterable[str]) -> str:
    """Words that offer the known name which is most like `given`; empty where none is."""
    near = get_close_matches(given, list(known), n=1)
    return f"; do you mean {near[0]}?" if near else ""


def _unknown(kind: str, name: str, known: Sequence[str], *, filters: bool = False) -> Invalid:
    candidates = [*known, *DIMENSIONS] if filters else list(known)
    more = ", and filters such as country, utm_source or prop.plan" if filters else ""
    offer = nearest(name, candidates) or f"; known here: {', '.join(known) or 'none'}{more}"
    return Invalid(f"unknown {kind} {shown(name)}{offer}", name[:64])
