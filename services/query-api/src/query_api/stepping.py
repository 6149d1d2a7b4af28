"""Steps of time as SQL: which bucket an event is in."""

from query_api.parameters import Parameters
from query_api.question.granularity import Buckets


def bucket(buckets: Buckets, parameters: Parameters, column: str = "timestamp") -> str:
    """The start of an event's bucket, Unix milliseconds: one of `buckets.starts`, for events not before the first.

    Steps of one length cost a division, others a binary search among their boundaries.
    """
    at = f"toUnixTimestamp64Milli({column})"
    step = buckets.step_ms
    if step is None:
        return f"roundDown({at}, {parameters.put('starts_ms', list(buckets.starts))})"
    first, length = parameters.put("first_ms", buckets.starts[0]), parameters.put("step_ms", step)
    return f"({first} + intDiv({at} - {first}, {length}) * {length})"
