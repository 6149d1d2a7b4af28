"""Records become a block of rows, and what cannot be a row becomes a rejection. No IO."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from eventrail import __version__
from eventrail.contract.codec import decode_enriched
from eventrail.errors import ContractError
from eventrail.rows.events import COLUMNS, Row, row
from writer.batch import SourceRecord
from writer.dedupe import RecentlyWritten, identity
from writer.rejections import Rejection, of_contract_error
from writer.retention import Days, without_limit

_VERSION = COLUMNS.index("version")
_PARTITION = COLUMNS.index("enriched_partition")
_OFFSET = COLUMNS.index("enriched_offset")


@dataclass(slots=True)
class Block:
    """What became of a batch: `rows` to insert, `rejections`, and how many `duplicates` were dropped."""

    rows: list[Row] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    duplicates: int = 0


def block(records: Iterable[SourceRecord], known: RecentlyWritten, days: Days = without_limit) -> Block:
    """Every record of `records` is in the answer exactly once: as row, rejection, or duplicate.

    Each row carries the `days` for which its website keeps events.
    """
    made = Block()
    for record in records:
        outcome = _row(record, days)
        if isinstance(outcome, Rejection):
            made.rejections.append(outcome)
        elif known.covers(outcome):
            made.duplicates += 1
        else:
            made.rows.append(outcome)
    return made


def _row(record: SourceRecord, days: Days) -> Row | Rejection:
    try:
        event = decode_enriched(record.value)
    except ContractError as error:
        return of_contract_error(record, error)
    try:
        return row(event, record.partition, record.offset, days(event.website_id))
    except ContractError as error:
        refusal = error
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # A fault of the rules themselves; one such event must not hold up all others.
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
    digest = blake2b(f"{__version__} {process}".encode(), digest_size=16)
    for values in rows:
        place = b"%d:%d:%d:" % (values[_PARTITION], values[_OFFSET], values[_VERSION])
        digest.update(place + identity(values))
    return digest.hexdigest()


def position(values: Row) -> tuple[int, int]:
    """Partition and offset of the record that a row came from."""
    return values[_PARTITION], values[_OFFSET]
