"""What was found, for people and for programs."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from eventrail.checkpoints import Span
from eventrail.conformance.findings import RULES, Findings

PAGE: Final = "docs/subscribe.md"


def lines(where: str, spans: Mapping[int, Span], found: Findings) -> Iterator[str]:
    """A text to be read at a terminal; `where` names topic and brokers."""
    yield f"{where}: {found.records:,} records of {len(spans)} partitions"
    yield "  " + ", ".join(f"{partition}: {_range(span)}" for partition, span in spans.items())
    for rule, meaning in RULES.items():
        count = found.broken[rule]
        yield f"{'BROKEN' if count else 'kept':<7}{rule:<10} {meaning}{f': {count:,} records' if count else ''}"
        for place, what in found.examples.get(rule, ()):
            yield f"         {place}  {what}"
    yield from _remarks(found)
    broken = sum(1 for rule in RULES if found.broken[rule])
    yield f"{broken} of {len(RULES)} rules are broken; {PAGE} has them" if broken else "the contract is kept"


def as_json(where: str, spans: Mapping[int, Span], found: Findings) -> dict[str, Any]:
    """The same for programs: a rule is kept where `broken` is 0."""
    return {
        "topic": where,
        "records": found.records,
        "partitions": {str(partition): [span.begin, span.end] for partition, span in spans.items()},
        "rules": {
            str(rule): {
                "broken": found.broken[rule],
                "examples": [
                    {"at": str(place), "what": what} for place, what in found.examples.get(rule, ())
                ],
            }
            for rule in RULES
        },
        "copies_of_enricher": found.copies_of_enricher,
        "copies_of_clients": found.copies_of_clients,
        "other_types": found.other_types,
        "order_not_judged": found.not_judged,
    }


def _range(span: Span) -> str:
    return f"{span.begin} to {span.end - 1}" if span.end > span.begin else "nothing"


def _remarks(found: Findings) -> Iterator[str]:
    """What is no fault, and good to know."""
    if found.copies_of_enricher or found.copies_of_clients:
        yield (
            f"copies, which subscribers drop: {found.copies_of_enricher:,} of the enricher, "
            f"{found.copies_of_clients:,} of clients"
        )
    if found.other_types:
        yield f"records of other types, which subscribers pass over: {found.other_types:,}"
    if found.not_judged:
        yield f"events whose order cannot be told without the records before these: {found.not_judged:,}"
