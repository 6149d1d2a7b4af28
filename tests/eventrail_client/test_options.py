from typing import Any

import pytest

from eventrail_client.options import Options


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_events": 0},
        {"batch_events": 51},
        {"batch_bytes": 65_535},
        {"batch_bytes": 102_401},
        {"queue_events": 0},
        {"queue_bytes": 0},
        {"request_timeout": 0},
        {"first_pause": 0},
        {"longest_pause": -1},
        {"max_age": -1},
        {"exit_timeout": -1},
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_its_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Options(**wrong)


def test_the_defaults_are_what_the_collector_takes() -> None:
    assert (Options().batch_events, Options().batch_bytes) == (50, 102_400)
