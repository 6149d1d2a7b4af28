"""Steps of time as SQL: which bucket an event is in."""

from query_api.parameters import Parameters
from query_api.question.granularity import Buckets


def bucket(buckets: Buckets, parameters: Parameters, column: str = "timestamp") -> str:
    """The start of an event's bucket, Unix milliseconds: one of `buckets.starts`, for events not before the first.

    Steps of one length cost a division, others a binary search among their boundaries. The last step reaches as far as
    the events do.
    """
    at = f"toUnixTimestamp64Milli({column})"
    step = buckets.step_ms
    if step is None:
        starts = parameters.put("starts_ms", list(buckets.starts))
        # Numbers alone are unsigned where none of them is negative: the engine rounds no signed one down to these.
        return f"roundDown({at}, CAST({starts}, 'Array(Int64)'))"
    first, length = parameters.put("first_ms", buckets.starts[0]), parameters.put("step_ms", step)
    last = parameters.put("last_step", len(buckets.starts) - 1)
    return f"({first} + least(intDiv({at} - {first}, {length}), {last}) * {length})"
