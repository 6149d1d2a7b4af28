"""The three answers of the demo, short enough to read at a glance. Pure: JSON in, text out."""

from collections.abc import Mapping, Sequence
from typing import Any

BAR_WIDTH = 40
VALUES_SHOWN = 4


def names_table(listed: Sequence[Mapping[str, Any]]) -> str:
    """The list of event names with their counts, as the query API ordered them."""
    width = max((len(entry["event_name"]) for entry in listed), default=0)
    return "\n".join(f"  {entry['event_name']:<{width}}  {entry['count']:>5}" for entry in listed)


def properties_table(properties: Sequence[Mapping[str, Any]]) -> str:
    """One line per property key, with its most frequent values."""
    width = max((len(entry["property_key"]) for entry in properties), default=0)
    return "\n".join(
        f"  {entry['property_key']:<{width}}  {_values(entry['values'])}" for entry in properties
    )


def _values(values: Sequence[Mapping[str, Any]]) -> str:
    shown = ", ".join(f"{entry['value']} ({entry['count']})" for entry in values[:VALUES_SHOWN])
    left_out = len(values) - VALUES_SHOWN
    return f"{shown}, and {left_out} more" if left_out > 0 else shown


def series_chart(timeseries: Mapping[str, Any]) -> str:
    """One bar per point that has events; the longest bar is 40 characters."""
    points = [point for point in timeseries["series"] if point["count"]]
    most = max((point["count"] for point in points), default=1)
    return "\n".join(
        f"  {point['date']}  {'#' * max(1, round(point['count'] / most * BAR_WIDTH))} {point['count']}"
        for point in points
    )
