import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail_client.backoff import LONGEST_RETRY_AFTER, pause, retry_after

NOW = 1_770_000_000.0  # Mon, 02 Feb 2026 02:40:00 GMT


@pytest.mark.parametrize(("failures", "seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (8, 60.0), (10_000, 60.0)])
def test_the_pause_doubles_up_to_the_longest(failures: int, seconds: float) -> None:
    assert pause(failures, 0.5, 60, 0, randomness=0) == seconds
    assert pause(failures, 0.5, 60, 0, randomness=1) == seconds / 2


@given(st.integers(1, 100), st.floats(0, 5000), st.floats(0, 1))
def test_it_is_never_shorter_than_asked_and_never_without_end(
    failures: int, asked: float, randomness: float
) -> None:
    made = pause(failures, 0.5, 60, asked, randomness)
    assert min(asked, LONGEST_RETRY_AFTER) <= made <= max(60, LONGEST_RETRY_AFTER * 1.1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Mon, 02 Feb 2026 02:40:09 GMT", 9.0),
        ("Mon, 02 Feb 2026 02:40:09 -0000", 9.0),
        ("Mon, 02 Feb 2026 02:39:00 GMT", 0.0),
        (None, 0.0),
        ("", 0.0),
        ("soon", 0.0),
        ("-3", 0.0),
        ("1.5", 0.0),
        ("\u0663", 0.0),
        ("9" * 5000, 999_999_999_999.0),
    ],
)
def test_what_the_header_says(header: str | None, seconds: float) -> None:
    assert retry_after(header, NOW) == seconds
