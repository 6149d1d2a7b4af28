"""Something that a visitor did, as callers name it: a custom event, or a view of a page.

{"event_name": "purchase"} is the custom event of that name; {"page": "/cart"} is a view of the page with exactly that
path. A page that ends with `*` means all paths that begin with what stands before it: "/products/*", and "/*" is
every page view. A path that really ends with `*` is said by a filter: {"page": "/*", "filters": [{"field": "path",
"values": ["/a*"]}]}. With "filters" only those that fit all of them (question/filters.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from query_api.errors import Invalid, shown
from query_api.question.fields import require_name
from query_api.question.filters import MAX_CHARACTERS, Condition, together
from query_api.question.given import FILTERS, conditions_of, nearest
from query_api.question.selection import Selection

EVENT_NAME: Final = "event_name"
PAGE: Final = "page"
ANY_REST: Final = "*"
_SHAPE: Final = 'an object such as {"event_name": "purchase"} or {"page": "/cart"}'


class Kind(StrEnum):
    """What a happening is, as answers spell it."""

    EVENT = "event"
    PAGE = "page"


@dataclass(frozen=True)
class Happening:
    """Custom events named `name`, or views of the page `name`, that fit all `conditions`."""

    kind: Kind
    name: str
    conditions: tuple[Condition, ...] = ()

    @property
    def begins(self) -> str | None:
        """What the paths begin with where `name` stands for many, None where it stands for one."""
        many = self.kind is Kind.PAGE and self.name.endswith(ANY_REST)
        return self.name.removesuffix(ANY_REST) if many else None

    def told(self) -> dict[str, str]:
        """How an answer names it."""
        return {"type": self.kind.value, "name": self.name}


def happening(item: Any, place: str) -> Happening:
    """The happening that a JSON value at `place` means. Raises Invalid."""
    if not isinstance(item, dict):
        raise Invalid(f"{place} must be {_SHAPE}", place)
    known = (EVENT_NAME, PAGE, FILTERS)
    for name in item:
        if name not in known:
            offer = nearest(name, known) or f"; known: {', '.join(known)}"
            raise Invalid(f"{place}: unknown {shown(name)}{offer}", f"{place}.{name[:64]}")
    if (EVENT_NAME in item) == (PAGE in item):
        raise Invalid(f"{place} needs either event_name or page: {_SHAPE}", place)
    conditions = tuple(conditions_of(item.get(FILTERS, []), f"{place}.{FILTERS}"))
    if EVENT_NAME in item:
        return Happening(Kind.EVENT, _event_name(item[EVENT_NAME], f"{place}.{EVENT_NAME}"), conditions)
    return Happening(Kind.PAGE, _page(item[PAGE], f"{place}.{PAGE}"), conditions)


def _event_name(given: Any, place: str) -> str:
    if not isinstance(given, str):
        raise Invalid(f"{place} must be a text", place)
    return require_name(given, place)


def _page(given: Any, place: str) -> str:
    if not isinstance(given, str) or not given.startswith("/"):
        was = shown(given) if isinstance(given, str) else type(given).__name__
        raise Invalid(f"{place} must be a path such as /cart, or /products/* for all below, not {was}", place)
    if len(given) > MAX_CHARACTERS:
        raise Invalid(f"{place} may have {MAX_CHARACTERS:,} characters", place)
    return given


def require_few_filters(selection: Selection, happenings: Iterable[Happening]) -> None:
    """Raises Invalid where a question has too many filters, those of its happenings counted in."""
    together([*selection.conditions, *(one for each in happenings for one in each.conditions)])


def names_of(happenings: Sequence[Happening]) -> tuple[str, ...]:
    """Names of events under which the table has them, each once; that of page views is empty."""
    return tuple(dict.fromkeys(one.name if one.kind is Kind.EVENT else "" for one in happenings))
