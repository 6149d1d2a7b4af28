"""The SQL of steps; that events land in them: tests/query_api/oracle."""

from query_api.parameters import Parameters
from query_api.question.granularity import Buckets
from query_api.stepping import bucket


def test_steps_of_one_length_are_a_division() -> None:
    parameters = Parameters()
    sql = bucket(Buckets("hour", (0, 10, 20), ("a", "b", "c")), parameters)
    assert parameters.values == {"first_ms": 0, "step_ms": 10, "last_step": 2}
    assert "intDiv" in sql


def test_a_last_step_that_is_longer_keeps_its_events() -> None:
    parameters = Parameters()
    bucket(Buckets("month", (0,), ("a",)), parameters)
    assert parameters.values["last_step"] == 0


def test_others_are_looked_up() -> None:
    parameters = Parameters()
    assert bucket(Buckets("day", (0, 23, 47), ("a", "b", "c")), parameters, "at").startswith("roundDown(")
    assert parameters.values == {"starts_ms": [0, 23, 47]}
