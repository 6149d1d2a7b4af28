"""How events are read: the one place that names the table behind FROM (docs/adr/0014-once-the-proof.md).

Copies of an event share a sort key, and so a partition (docs/adr/0024-weeks.md), but may lie in different parts and
have different timestamps. FINAL keeps the winning copy, and filters on anything but the sort key must see only that
one: skip indexes in exact mode read the granules again where other copies could be, and no filter moves in front of
FINAL. Whether it may leave out comparing across partitions is for the engine to see from the table's keys.

What is built here is the text of one SELECT; values go in as parameters of the driver.
"""

from collections.abc import Mapping, Sequence
from typing import Final

TABLE: Final = "events"

READING_SETTINGS: Final[Mapping[str, int]] = {
    "do_not_merge_across_partitions_select_final": 0,
    "use_skip_indexes_if_final": 1,
    "use_skip_indexes_if_final_exact_mode": 1,
    "optimize_move_to_prewhere_if_final": 0,
}
"""They belong to the meaning of `events_once`: every query that holds it is run with them."""

SORT_KEY: Final = ("website_id", "event_name", "identity_day", "event_id")
"""What all copies of an event have in common; the order is the table's."""


def events_once(columns: Sequence[str], where: str) -> str:
    """A SELECT of `columns` (expressions; `*` for all) over each event that fits `where`, once, as its winning copy.

    `GROUP BY` and what follows it may be put behind it; it may stand in parentheses as a subquery. The whole query
    has to be run with READING_SETTINGS.
    """
    return f"SELECT {', '.join(columns)} FROM {TABLE} FINAL WHERE {where}"  # noqa: S608 - our own words


def settings_clause(settings: Mapping[str, int] = READING_SETTINGS) -> str:
    """The end of a query. In the query itself, so that they hold for it alone and not for its connection."""
    return "\nSETTINGS " + ", ".join(f"{name} = {value}" for name, value in settings.items())
