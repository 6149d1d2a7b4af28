"""Happenings as SQL (question/happenings.py): which events are meant."""

from collections.abc import Iterable, Sequence

from query_api.conditions import all_fit, columns_of
from query_api.parameters import Parameters
from query_api.question.happenings import Happening, Kind, names_of
from query_api.question.selection import EventType


def happens(happening: Happening, parameters: Parameters) -> str:
    """Whether an event is `happening`: an expression of UInt8, never NULL."""
    conditions = [_named(happening, parameters), *all_fit(happening.conditions, parameters)]
    return f"({' AND '.join(conditions)})"


def _named(happening: Happening, parameters: Parameters) -> str:
    if happening.kind is Kind.EVENT:
        name = parameters.add(happening.name)
        return f"event_type = '{EventType.CUSTOM}' AND event_name = {name}"
    if happening.begins is not None:
        return f"event_type = '{EventType.PAGEVIEW}' AND startsWith(path, {parameters.add(happening.begins)})"
    return f"event_type = '{EventType.PAGEVIEW}' AND path = {parameters.add(happening.name)}"


def by_sort_key(happenings: Sequence[Happening], parameters: Parameters) -> str:
    """A condition that all `happenings` fit, and that the table answers from its sort key."""
    return f"event_name IN {parameters.add(names_of(happenings))}"


def columns(happenings: Iterable[Happening]) -> tuple[str, ...]:
    """The columns that `happens` reads."""
    return columns_of(condition for happening in happenings for condition in happening.conditions)
