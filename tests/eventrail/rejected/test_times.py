import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.contract.codec import LATEST_MS
from eventrail.errors import ConfigurationError
from eventrail.rejected import times
from tests.eventrail.rejected.making import NOON


@pytest.mark.parametrize(
    ("written", "seconds"), [("45s", 45), ("30m", 1_800), ("2h", 7_200), ("3d", 259_200), ("1w", 604_800)]
)
def test_a_time_ago(written: str, seconds: int) -> None:
    assert times.moment(written, "--since", NOON) == NOON - 1000 * seconds


@pytest.mark.parametrize(
    "written", ["2026-05-29T12:00:00Z", "2026-05-29t12:00:00z", "2026-05-29T14:00:00.000+02:00"]
)
def test_a_moment(written: str) -> None:
    assert times.moment(written, "--since", 0) == NOON


@pytest.mark.parametrize(
    "written", ["yesterday", "2 h", "h", "2026-05-29T12:00:00", "2026-05-29", "-2h", "²h"]
)
def test_anything_else_is_told_with_examples(written: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^--until .* RFC 3339 .* 30m, 2h or 3d$"):
        times.moment(written, "--until", NOON)


@given(st.integers(0, LATEST_MS))
def test_what_is_written_is_read_back(unix_ms: int) -> None:
    assert times.moment(times.text(unix_ms), "--since", 0) == unix_ms


@pytest.mark.parametrize("unix_ms", [-1, LATEST_MS + 1])
def test_a_time_that_has_no_text_is_a_number(unix_ms: int) -> None:
    assert times.text(unix_ms) == f"{unix_ms} ms"
