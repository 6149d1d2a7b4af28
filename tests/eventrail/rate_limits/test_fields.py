import re

from hypothesis import given
from hypothesis import strategies as st

from eventrail.rate_limits.bucket import Bucket
from eventrail.rate_limits.fields import CONCURRENT_REQUESTS, REQUESTS, Standing, headers, standing
from eventrail.websites import RateLimit

ITEM = r'"(address|website)"(;(q|w|r|t)=[0-9]{1,15}|;qu="(events|requests)")*'


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


def test_a_limit_without_time_and_of_another_unit() -> None:
    assert headers([Standing("concurrent", 8, 0, 7, 0, CONCURRENT_REQUESTS)]) == [
        (b"ratelimit-policy", b'"concurrent";q=8;qu="concurrent-requests"'),
        (b"ratelimit", b'"concurrent";r=7'),
    ]


def test_a_standing_tells_what_a_bucket_holds() -> None:
    rate, bucket = RateLimit(per_second=2.0, burst=5), Bucket()
    assert standing("requests", rate, bucket, 7.0, REQUESTS) == ("requests", 5, 3, 5, 0, "requests")
    for _ in range(4):
        bucket.take(rate, 7.0)
    assert standing("requests", rate, bucket, 7.0, REQUESTS) == ("requests", 5, 3, 1, 1, "requests")


NUMBERS = st.integers(0, 10**9)
NAMES = st.sampled_from(["address", "website"])


@given(
    st.lists(
        st.builds(
            Standing, NAMES, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["events", "requests"])
        ),
        min_size=1,
        max_size=2,
    )
)
def test_they_are_lists_of_structured_fields(standings: list[Standing]) -> None:
    for _, value in headers(standings):
        assert re.fullmatch(rf"{ITEM}(, {ITEM})*", value.decode())
