"""Records become a block of rows, and what cannot be a row becomes a rejection. No IO."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from google.protobuf.message import DecodeError

from eventrail import __version__
from eventrail.contract.codec import decode_enriched
from eventrail.errors import ContractError
from eventrail.rows.columns import Columns, columns, identities_of, taken, values_of
from eventrail.rows.events import COLUMNS, Row, row
from writer.batch import SourceRecord
from writer.dedupe import RecentlyWritten
from writer.rejections import Rejection, of_contract_error
from writer.retention import Days, without_limit

_PARTITION = COLUMNS.index("enriched_partition")
_OFFSET = COLUMNS.index("enriched_offset")


_FAULTS = (ArithmeticError, LookupError, TypeError, ValueError)
"""Of the rules themselves; one such event must not hold up all others."""


@dataclass(slots=True)
class Block:
    """What became of a batch: `rows` to insert, `rejections`, and how many `duplicates` were dropped."""

    rows: Sequence[Row] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    duplicates: int = 0


def block(records: Sequence[SourceRecord], days: Days = without_limit) -> Block:
    """Every record of `records` is in the answer exactly once: as row or rejection.

    Each row carries the `days` for which its website keeps events.
    """
    found = _columns(records, days)
    return Block(found) if found is not None else _one_by_one(records, days)


def without_known(made: Block, known: RecentlyWritten) -> Block:
    """`made`, less the rows of which the table has a copy already."""
    news = known.news(made.rows)
    return replace(made, rows=taken(made.rows, news), duplicates=len(made.rows) - len(news))


def _columns(records: Sequence[SourceRecord], days: Days) -> Columns | None:
    """None where a record may be no row."""
    values = [record.value for record in records]
    try:
        return columns(
            values,  # type: ignore[arg-type] # what is None ends as a TypeError
            [record.partition for record in records],
            [record.offset for record in records],
            days,
        )
    except (ContractError, DecodeError, *_FAULTS):
        return None


def _one_by_one(records: Sequence[SourceRecord], days: Days) -> Block:
    outcomes = [_row(record, days) for record in records]
    return Block(
        [each for each in outcomes if not isinstance(each, Rejection)],
        [each for each in outcomes if isinstance(each, Rejection)],
    )


def _row(record: SourceRecord, days: Days) -> Row | Rejection:
    try:
        event = decode_enriched(record.value)
    except ContractError as error:
        return of_contract_error(record, error)
    try:
        return row(event, record.partition, record.offset, days(event.website_id))
    except ContractError as error:
        refusal = error
    except _FAULTS as error:
        refusal = ContractError(f"no row can be made of it: {type(error).__name__}", rule=True)
    return of_contract_error(record, refusal, event.website_id, event.event_id)


def token(rows: Sequence[Row], process: str = "") -> str:
    """Name of this very block for `insert_deduplication_token`: 32 hexadecimal characters.

    Equal for the same events at the same partitions and offsets in the same order, written by the same
    software and `process`. The events are part of it because a topic that was made anew counts its offsets from 0
    again: by positions alone, the engine would silently drop the new events as copies of the old. The process is part
    of it because rows may be taken from a table (a restored backup) and then be written again from Kafka: the engine
    may still know the token of the block that they came in.
    """
    identities = identities_of(rows)
    digest = blake2b(f"{__version__} {process} {len(rows)}".encode(), digest_size=16)
    for name in ("enriched_partition", "enriched_offset", "version"):
        digest.update(array("Q", values_of(rows, name)))
    # With their lengths, texts put together can be told apart.
    digest.update(array("Q", map(len, identities)))
    digest.update("".join(identities).encode())
    return digest.hexdigest()


def position(values: Row) -> tuple[int, int]:
    """Partition and offset of the record that a row came from."""
    return values[_PARTITION], values[_OFFSET]
