"""The writer's own errors.

EventrailError
├── TableFault     the table, its database, or the writer's rights are not as they must be: wait and say so
├── RowsRefused    the engine refuses the values of an insert: find the rows, reject them, go on
└── LineHeld       too many records are bad: reject none of them, and try again later
"""

from eventrail.errors import EventrailError


class TableFault(EventrailError):
    """Nothing is wrong with the events; a person must mend the table, and then the writer goes on by itself."""


class RowsRefused(EventrailError):
    """At least one row of an insert was refused for its values; none of its rows was written.

    `certain` is False where the error may have another cause than the rows; then rows are rejected only
    once the engine took others of the same block. The text holds no part of the rows.
    """

    def __init__(self, message: str, *, certain: bool) -> None:
        super().__init__(message)
        self.certain = certain


class LineHeld(EventrailError):
    """The breaker is open: so many records are bad that the fault must be ours. Nothing was rejected.

    The text names the limit and the first bad record, and is the same at every try while those are the same.
    """
