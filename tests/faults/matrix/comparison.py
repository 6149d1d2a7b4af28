"""What was promised against what is seen. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.faults.matrix.observation import Answers, Copy, Place, Topics
from tests.faults.matrix.traffic import Sent

_SHOWN = 3


@dataclass(frozen=True)
class Seen:
    """Everything that was seen after a run; `stored` counts each id in the table as it is read."""

    answers: Answers
    topics: Topics
    stored: Counter[str]


def faults(sent: Mapping[str, Sent], seen: Seen) -> list[str]:
    """Every promise that does not hold, in words; empty where all do.

    accepted ⊆ queryable or rejected ⊆ sent, each exactly once in each endpoint; each on the enriched topic, and all
    copies of one raw event equal to what an undisturbed enricher makes of it; each visitor's events in their order.
    """
    return [
        *_unanswered(sent),
        *_identities(sent, seen),
        *_counts(sent, seen),
        *_on_topic(seen.topics),
        *_same(seen.topics),
        *_order(seen.topics),
    ]


def _unanswered(sent: Mapping[str, Sent]) -> Iterator[str]:
    refused = [event for event, found in sent.items() if found.refused]
    yield from _told("refused although they are right", refused)
    silent = [event for event, found in sent.items() if found.accepted_at is None and not found.refused]
    yield from _told("without an answer", silent)


def _identities(sent: Mapping[str, Sent], seen: Seen) -> Iterator[str]:
    rejected = {found.event_id for found in seen.topics.rejected}
    shown: Counter[str] = Counter()
    for ids in seen.answers.ids.values():
        shown.update(ids)
    for where, found in (("the property breakdown", shown), ("the table", seen.stored)):
        accepted = {event for event, each in sent.items() if each.accepted_at is not None}
        yield from _told(f"lost: accepted, but not in {where}", accepted - found.keys() - rejected)
        yield from _told(f"doubled in {where}", [event for event, number in found.items() if number > 1])
        yield from _told(f"invented: in {where}, but never sent", found.keys() - sent.keys())
        yield from _told(f"both rejected and in {where}", found.keys() & rejected)


def _counts(sent: Mapping[str, Sent], seen: Seen) -> Iterator[str]:
    rejected = {found.event_id for found in seen.topics.rejected}
    wanted = Counter(
        (found.website, found.name)
        for event, found in sent.items()
        if found.accepted_at is not None and event not in rejected
    )
    for where, counts in (("list", seen.answers.listed), ("time series", seen.answers.series)):
        for key in wanted.keys() | counts.keys():
            if wanted[key] != counts[key]:
                yield f"the {where} counts {counts[key]} of {key[1]} of {key[0]}, {wanted[key]} were accepted"


def _on_topic(topics: Topics) -> Iterator[str]:
    out = {copy.place for copy in topics.enriched}
    rejected = {
        (found.source_partition, found.source_offset, found.source_index) for found in topics.rejected
    }
    whole = {(partition, offset) for partition, offset, index in rejected if index < 0}
    missing = [
        place for place in topics.raw if place not in out and place not in rejected and place[:2] not in whole
    ]
    yield from _told("on the raw topic, but neither enriched nor rejected", map(str, missing))
    yield from _told("enriched, but not on the raw topic", map(str, out - topics.raw.keys()))


def _same(topics: Topics) -> Iterator[str]:
    wrong = [copy for copy in topics.enriched if topics.alone.get(copy.place) != copy.event]
    yield from _told("enriched otherwise than by an undisturbed enricher", map(_difference(topics), wrong))


def _difference(topics: Topics) -> Callable[[Copy], str]:
    def told(copy: Copy) -> str:
        alone = topics.alone.get(copy.place)
        if alone is None:
            return f"{copy.place}: nothing"
        names = [
            field.name
            for field in copy.event.DESCRIPTOR.fields
            if getattr(copy.event, field.name) != getattr(alone, field.name)
        ]
        return f"{copy.place} {copy.event.visitor_id}: {', '.join(names)}"

    return told


def _order(topics: Topics) -> Iterator[str]:
    """First appearances of a visitor's events stand on their partition in the order of the raw topic."""
    first: dict[tuple[int, str, str], dict[Place, int]] = {}
    for copy in sorted(topics.enriched, key=lambda copy: copy.offset):
        event = copy.event
        # Two raw partitions may hold one hashed visitor's copies; each is a sequence of its own.
        key = (copy.place[0], event.website_id, event.visitor_id)
        first.setdefault(key, {}).setdefault(copy.place, copy.offset)
    wrong = [key for key, places in first.items() if key[2] and list(places) != sorted(places)]
    yield from _told("out of order: visitors", map(str, wrong))


def _told(what: str, found: Iterable[str]) -> Iterator[str]:
    items = list(found)
    if items:
        shown = ", ".join(items[:_SHOWN]) + (", ..." if len(items) > _SHOWN else "")
        yield f"{len(items)} {what}: {shown}"


@dataclass(frozen=True)
class Copies:
    """Where copies came from, and where they were absorbed, in events."""

    sent: int
    """Accepted more than once: clients' retries and doubles."""
    enriched: int
    """Enriched more than once from one place on the raw topic."""
    by_writer: int
    """Dropped by the writers' memory of recent ids, as far as their metrics lived to tell."""
    by_table: int
    """The rest: merged by the table, before or while it is read."""


def copies(topics: Topics, dropped: int) -> Copies:
    """Account of the copies of a run, given how many the writers' memory dropped."""
    raw = len(topics.raw) - len(set(topics.raw.values()))
    enriched = len(topics.enriched) - len({copy.place for copy in topics.enriched})
    unique = {(copy.event.website_id, copy.event.event_id) for copy in topics.enriched}
    absorbed = len(topics.enriched) - len(unique)
    return Copies(raw, enriched, min(dropped, absorbed), absorbed - min(dropped, absorbed))
