"""How the rows of an export become bytes: one writer per file, page by page, the same bytes for the same pages."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import pyarrow

from eventrail import __version__
from query_api.facts import Fact
from query_api.formats.columnar import Arrow, Parquet
from query_api.formats.lines import Csv, Ndjson
from query_api.question.export import Format

RELEASE: Final = f"{__version__}+{pyarrow.__version__}"
"""What has to be the same for the same bytes."""


class Writer(Protocol):
    """Writes one file."""

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        """The bytes of a page; each row has the values of the facts."""
        ...

    def end(self) -> bytes:
        """What is behind the last page."""
        ...


def writer(format_: Format, facts: Sequence[Fact], *, goes_on: bool) -> Writer:
    """A writer of `format_`; `goes_on` where the first rows of the file are with the client already."""
    match format_:
        case Format.NDJSON:
            return Ndjson(facts)
        case Format.CSV:
            return Csv(facts, header=not goes_on)
        case Format.PARQUET:
            return Parquet(facts)
        case Format.ARROW:
            return Arrow(facts)
