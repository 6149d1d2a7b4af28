import re

from hypothesis import given
from hypothesis import strategies as st

from collector.rate_limits.fields import Standing, headers

ITEM = r'"(address|website)"(;(q|w|r|t)=[0-9]{1,15}|;qu="events")*'


def test_without_limits_there_are_no_fields() -> None:
    assert headers([]) == []


def test_one_limit() -> None:
    assert headers([Standing("address", 100, 10, 50, 1)]) == [
        (b"ratelimit-policy", b'"address";q=100;qu="events";w=10'),
        (b"ratelimit", b'"address";r=50;t=1'),
    ]


def test_two_limits_of_which_one_is_untouched() -> None:
    assert headers([Standing("address", 100, 10, 100, 0), Standing("website", 5, 1, 0, 1)]) == [
        (b"ratelimit-policy", b'"address";q=100;qu="events";w=10, "website";q=5;qu="events";w=1'),
        (b"ratelimit", b'"address";r=100, "website";r=0;t=1'),
    ]


NUMBERS = st.integers(0, 10**9)


@given(
    st.lists(
        st.builds(Standing, st.sampled_from(["address", "website"]), NUMBERS, NUMBERS, NUMBERS, NUMBERS),
        min_size=1,
        max_size=2,
    )
)
def test_they_are_lists_of_structured_fields(standings: list[Standing]) -> None:
    for _, value in headers(standings):
        assert re.fullmatch(rf"{ITEM}(, {ITEM})*", value.decode())
