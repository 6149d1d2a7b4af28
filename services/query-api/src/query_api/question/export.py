"""All events of a selection as a file, or as several of at most `limit` rows.

A cursor pins what an export is about (docs/export.md): the moments of its period, how far each partition of the
enriched topic was stored for these events, and count and digest of the rows. What is delivered for a cursor is the
same to the last byte, or nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from query_api.errors import Invalid, shown
from query_api.facts import FACTS, Fact
from query_api.question import cursors
from query_api.question.fields import COMMON_FIELDS, WAITING_FIELDS, count
from query_api.question.given import Given, nearest
from query_api.question.period import LATEST_MS
from query_api.question.rows import fixed, selected
from query_api.question.selection import Context, Selection

FIELDS: Final = (
    "event_name", "event_type", *COMMON_FIELDS, "format", "columns", "limit", "cursor", "skip", *WAITING_FIELDS,
)  # fmt: skip
MAX_LIMIT: Final = 100_000_000
DEFAULT_FILE_ROWS: Final = 1_000_000
"""Rows of a Parquet or Arrow file where no `limit` is given: such files are resumed as wholes."""

_MAX_PARTITIONS: Final = 500
_MAX_OFFSET: Final = 2**63 - 1


class Format(StrEnum):
    """How rows are written."""

    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"

    @property
    def by_row(self) -> bool:
        """Whether a reader can tell complete rows of a file that broke off."""
        return self in (Format.NDJSON, Format.CSV)


MEDIA_TYPES: Final[Mapping[Format, str]] = MappingProxyType(
    {
        Format.NDJSON: "application/x-ndjson",
        Format.CSV: "text/csv",
        Format.PARQUET: "application/vnd.apache.parquet",
        Format.ARROW: "application/vnd.apache.arrow.stream",
    }
)

Offset = Annotated[int, Field(ge=0, le=_MAX_OFFSET)]
Partition = Annotated[int, Field(ge=0, le=2**31 - 1)]


@dataclass(frozen=True)
class Pin:
    """The rows of an export as they were when it began.

    A row belongs to it whose offset in its partition of the enriched topic is below that of `nexts`. `rows` and
    `digest` are how many these are, and a number that depends on all that is delivered of them, not on their order.
    """

    partitions: Annotated[tuple[Partition, ...], Field(max_length=_MAX_PARTITIONS)]
    nexts: Annotated[tuple[Offset, ...], Field(max_length=_MAX_PARTITIONS)]
    rows: Offset
    digest: Annotated[int, Field(ge=0, le=2**64 - 1)]


@dataclass(frozen=True)
class Position:
    """Where a file of an export begins: behind `begin` rows of what is pinned.

    `begun_ms` is when the export was begun, `read_from_ms` the first moment that was read (behind `from_ms` where the
    website keeps events for fewer days); `release` names what wrote the files, since another one may write other bytes.
    """

    from_ms: Annotated[int, Field(ge=0, le=LATEST_MS)]
    until_ms: Annotated[int, Field(ge=0, le=LATEST_MS)]
    read_from_ms: Annotated[int, Field(ge=0, le=LATEST_MS)]
    begun_ms: Annotated[int, Field(ge=0, le=LATEST_MS)]
    release: Annotated[str, Field(max_length=64)]
    pin: Pin
    begin: Offset


SHAPE: Final = TypeAdapter(Position)


@dataclass(frozen=True)
class ExportQuestion:
    """`facts` of all events of `selection`, from `position` on, without the first `skip` rows; asked at `asked_ms`."""

    selection: Selection
    format: Format
    facts: tuple[Fact, ...]
    limit: int | None
    skip: int
    position: Position | None
    digest: bytes
    asked_ms: int

    def cursor(self, position: Position) -> str:
        """The cursor of a file."""
        return cursors.encode(self.digest, SHAPE, position)


def ask(given: Given, context: Context, accept: str = "") -> ExportQuestion:
    """The question; `accept` is the header of that name, which counts where no format is given. Raises Invalid."""
    chosen = selected(given, context)
    format_, facts = _format(given, accept), _facts(given)
    digest = cursors.question_digest("export", given, chosen, format_, *(fact.name for fact in facts))
    position = cursors.read(given, digest, SHAPE)
    if position is not None:
        _require_sound(position)
        chosen = chosen.within(fixed(chosen.period, position.from_ms, position.until_ms))
    return ExportQuestion(
        chosen,
        format_,
        facts,
        _limit(given, format_),
        _skip(given, format_, position),
        position,
        digest,
        context.now_ms,
    )


def _require_sound(position: Position) -> None:
    pin = position.pin
    if (
        len(pin.partitions) != len(pin.nexts)
        or position.begin > pin.rows
        or bool(pin.rows) != bool(pin.nexts)
    ):
        raise Invalid("cursor holds no position of this export; send it as it stood in the answer", "cursor")


def _format(given: Given, accept: str) -> Format:
    text = given.one("format")
    if text is None:
        return _accepted(accept)
    if text not in set(Format):
        raise Invalid(
            f"format must be {', '.join(Format)}, not {shown(text)}{nearest(text, list(Format))}", "format"
        )
    return Format(text)


def _accepted(accept: str) -> Format:
    """The first known media type of `accept`; NDJSON where all are welcome."""
    asked = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for media_type in asked:
        for format_, ours in MEDIA_TYPES.items():
            if media_type == ours:
                return format_
    if not accept or any(media_type.endswith("/*") for media_type in asked):
        return Format.NDJSON
    raise Invalid(f"no export is of type {shown(accept)}; say format={', format='.join(Format)}", "format")


def _facts(given: Given) -> tuple[Fact, ...]:
    names = given.many("columns")
    for name in names:
        if name not in FACTS:
            known = list(FACTS)
            offer = nearest(name, known) or f"; known: {', '.join(known)}"
            raise Invalid(f"columns knows no {shown(name)}{offer}", "columns")
    return tuple(FACTS[name] for name in names or FACTS)


def _limit(given: Given, format_: Format) -> int | None:
    if given.one("limit") is None:
        return None if format_.by_row else DEFAULT_FILE_ROWS
    return count(given, "limit", 1, MAX_LIMIT)


def _skip(given: Given, format_: Format, position: Position | None) -> int:
    if given.one("skip") is None:
        return 0
    if position is None:
        raise Invalid(
            "skip is for resuming; give the Eventrail-Cursor of the answer that broke off, too", "skip"
        )
    if not format_.by_row:
        raise Invalid(f"a {format_} file is resumed as a whole: give its cursor without skip", "skip")
    return count(given, "skip", 0, MAX_LIMIT, least=0)


def behind(position: Position, rows: int) -> Position:
    """The position of the file that begins `rows` rows later."""
    return replace(position, begin=position.begin + rows)
