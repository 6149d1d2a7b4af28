"""How many visitors come back in the steps of time after the one in which they began.

A visitor belongs to the step (day, week or month by the wall clock) of the first event in the period that is the start.
They return in a step where one of their events is the return and is later than that first event, by a millisecond at
least; the start's own step has index 0. Everything lies in the period: what a cohort does after its end is not
counted, so later cohorts have fewer steps.

Only visitor ids that clients sent are followed, because hashed ones change each day.
"""

from collections.abc import Sequence
from typing import Any, Final

from query_api import following
from query_api.events_table import Statement, needed, reading
from query_api.following import CLIENTS_ONLY, VISITOR
from query_api.happenings import by_sort_key, columns, happens
from query_api.parameters import Parameters
from query_api.question.retention import RetentionQuestion
from query_api.stepping import bucket

# Times are milliseconds since 1970 and one, so that 0 says that there is none. Of each step the last return is enough:
# in the start's own step it is later than the start if any is, and in later steps all are.
_BODY: Final = """
SELECT cohort, later, count() AS visitors
FROM
(
    SELECT
        argMinIf(step, first_start, first_start != 0) AS cohort,
        minIf(first_start, first_start != 0) AS began,
        groupArray((step, last_return)) AS found,
        arrayFilter(each -> each.2 > began AND each.1 - cohort <= %(periods)s, found) AS back,
        arrayJoin(arrayPushFront(arrayMap(each -> each.1 - cohort, back), {everyone})) AS later
    FROM
    (
        SELECT
            who,
            toInt64(transform({bucket}, %(starts)s, %(numbers)s, 0)) AS step,
            minIf(toUnixTimestamp64Milli(timestamp) + 1, starts) AS first_start,
            maxIf(toUnixTimestamp64Milli(timestamp) + 1, returns) AS last_return
        FROM matching
        GROUP BY who, step
    )
    GROUP BY who
    HAVING max(first_start) != 0
)
GROUP BY cohort, later
"""
_EVERYONE: Final = -1

Row = tuple[int, int, int]
"""Number of the cohort's step, how many steps later, visitors; _EVERYONE steps later: all of the cohort."""


def statement(question: RetentionQuestion) -> Statement:
    """Rows in no particular order; none where nobody is."""
    parameters = Parameters()
    starts = question.buckets.starts
    parameters.put("periods", question.periods)
    parameters.put("starts", list(starts))
    parameters.put("numbers", list(range(len(starts))))
    body = _BODY.format(bucket=bucket(question.buckets, parameters), everyone=_EVERYONE)
    returns = "1" if question.returns is None else happens(question.returns, parameters)
    read = [
        f"{VISITOR} AS who",
        "timestamp",
        f"{happens(question.start, parameters)} AS starts",
        f"{returns} AS returns",
        *columns([question.start, *([question.returns] if question.returns else [])]),
        *needed(question.selection),
    ]
    where = [CLIENTS_ONLY, "visitor_id != ''"]
    if question.returns is not None:
        where += [by_sort_key([question.start, question.returns], parameters), "(starts OR returns)"]
    return reading("retention", body, list(dict.fromkeys(read)), question.selection, parameters, where)


def left_out_statement(question: RetentionQuestion) -> Statement:
    """Whom the question leaves out: rows for `following.left_out`."""
    return following.left_out_statement(question.selection, question.start)


def answer(question: RetentionQuestion, rows: Sequence[Row]) -> dict[str, Any]:
    """`data`: a cohort for each step that the period touches, also where nobody began."""
    found = {(cohort, later): visitors for cohort, later, visitors in rows}
    labels = question.buckets.labels
    cohorts = [
        {
            "date": label,
            "visitors": found.get((number, _EVERYONE), 0),
            "returned": [
                found.get((number, later), 0)
                for later in range(min(question.periods + 1, len(labels) - number))
            ],
        }
        for number, label in enumerate(labels)
    ]
    return {"cohorts": cohorts, "granularity": question.buckets.granularity}
