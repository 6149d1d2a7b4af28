from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.rate_limits import Allowance, RateLimiter
from collector.refusals import Refused
from eventrail.rate_limits.fields import Standing
from eventrail.websites import RateLimit, RateLimits

ADDRESS = ip_address("192.0.2.1")


def rate(per_second: float, burst: int) -> RateLimit:
    return RateLimit(per_second=per_second, burst=burst)


def limiter(
    address: RateLimit | None = None, website: RateLimit | None = None, most: int = 100
) -> RateLimiter:
    return RateLimiter(RateLimits(per_address=address, per_website=website), most)


def admitted(
    allowance: Allowance, count: int = 1, website: str = "shop", own: RateLimits | None = None, **how: bool
) -> int:
    refused: list[str] = []
    for _ in range(count):
        try:
            allowance.admit(website, own, **how)
        except Refused as error:
            refused.append(error.kind.code)
    assert set(refused) <= {"rate_limited"}
    return count - len(refused)


def passes(one: RateLimiter, address: str, count: int = 1, now: float = 0.0, website: str = "shop") -> int:
    return admitted(one.request(ip_address(address), now), count, website)


def test_without_limits_everything_passes_and_nothing_is_kept_or_told() -> None:
    one = limiter()
    allowance = one.request(ADDRESS, 0.0)
    assert admitted(allowance, 10_000) == 10_000
    assert (len(one.addresses), len(one.websites), allowance.standings(0.0)) == (0, 0, [])


def test_each_address_has_its_own_bucket() -> None:
    one = limiter(address=rate(1.0, 5))
    assert passes(one, "192.0.2.1", 9) == 5
    assert passes(one, "192.0.2.2", 9, website="blog") == 5
    assert passes(one, "192.0.2.1", 9, website="blog") == 0
    assert passes(one, "192.0.2.1", 9, now=2.0) == 2


def test_ipv6_is_counted_by_its_64_bit_network() -> None:
    one = limiter(address=rate(1.0, 5))
    assert passes(one, "2001:db8:0:1::1", 3) == 3
    assert passes(one, "2001:db8:0:1:ffff::2", 3) == 2
    assert passes(one, "2001:db8:0:2::1", 3) == 3


def test_those_without_an_address_share_one_bucket() -> None:
    one = limiter(address=rate(1.0, 5))
    assert admitted(one.request(None, 0.0), 3) == 3
    assert admitted(one.request(None, 0.0), 3) == 2


def test_a_website_is_counted_over_all_addresses() -> None:
    one = limiter(website=rate(1.0, 5))
    assert passes(one, "192.0.2.1", 3) == 3
    assert passes(one, "192.0.2.2", 3) == 2
    assert passes(one, "192.0.2.2", 3, website="blog") == 3


def test_what_one_bucket_refuses_takes_nothing_from_the_other() -> None:
    one = limiter(address=rate(1.0, 10), website=rate(1.0, 3))
    assert passes(one, "192.0.2.1", 10) == 3
    assert passes(one, "192.0.2.1", 10, website="blog") == 3
    assert passes(one, "192.0.2.1", 10, website="docs") == 3
    assert passes(one, "192.0.2.1", 10, website="more") == 1


def test_a_websites_own_rates_win_each_for_itself() -> None:
    one = limiter(address=rate(1.0, 2), website=rate(1.0, 4))
    wide = RateLimits(per_address=rate(1.0, 20))
    assert admitted(one.request(ADDRESS, 0.0), 9, "shop", wide) == 4
    assert admitted(one.request(ADDRESS, 0.0), 9, "blog") == 2
    narrow = RateLimits(per_website=rate(1.0, 1))
    assert admitted(one.request(ip_address("192.0.2.9"), 0.0), 9, "docs", narrow) == 1


def test_no_address_shares_a_bucket_with_one_that_a_website_counts_itself() -> None:
    one = limiter(address=rate(1.0, 5))
    own = RateLimits(per_address=rate(1.0, 5))
    assert admitted(one.request(ip_address("192.0.2.1"), 0.0), 9, "abc", own) == 5
    # The /64 of this address has the bytes of "abc", a zero and 192.0.2.1.
    assert passes(one, "6162:6300:c000:201::", 9) == 5


def test_own_limits_hold_where_the_general_ones_are_off() -> None:
    own = RateLimits(per_address=rate(1.0, 3))
    assert admitted(limiter().request(ADDRESS, 0.0), 9, "shop", own) == 3


def test_what_comes_with_a_server_key_is_counted_by_website_only() -> None:
    one = limiter(address=rate(1.0, 2), website=rate(1.0, 5))
    assert admitted(one.request(ADDRESS, 0.0), 9, by_key=True) == 5
    assert admitted(one.request(ADDRESS, 0.0), 9, "blog") == 2


def test_the_message_says_which_limit_and_when() -> None:
    one = limiter(address=rate(0.5, 2))
    allowance = one.request(ADDRESS, 0.0)
    assert admitted(allowance, 2) == 2
    with pytest.raises(Refused) as caught:
        allowance.admit("shop")
    assert caught.value.message == (
        "more events than the limit per address lets through (0.5 a second, 2 at once); send it again in 2 s"
    )
    assert caught.value.kind.retry
    admitted(allowance, 1)
    with pytest.raises(Refused, match=r"send it again in 4 s, at most 2 at once"):
        allowance.admit("shop")
    assert allowance.retry_after(0.0) == 4


@given(
    per_second=st.floats(0.01, 1000),
    burst=st.integers(1, 60),
    sent=st.integers(1, 60),
    before=st.integers(0, 60),
)
def test_who_comes_back_as_told_is_let_in_as_far_as_a_burst_goes(
    per_second: float, burst: int, sent: int, before: int
) -> None:
    one = limiter(address=rate(per_second, burst))
    passes(one, "192.0.2.1", before)
    first = one.request(ADDRESS, 0.0)
    refused = sent - admitted(first, sent)
    later = one.request(ADDRESS, float(first.retry_after(0.0)))
    assert admitted(later, refused) == min(refused, burst)
    if refused:
        # RateLimit's t must not name a later moment than Retry-After (section 6 of the draft).
        assert first.standings(0.0)[0].more_in <= first.retry_after(0.0)


def test_the_standing_tells_the_quota_and_what_is_left() -> None:
    one = limiter(address=rate(10.0, 100), website=rate(3.0, 7))
    allowance = one.request(ADDRESS, 0.0)
    assert allowance.standings(0.0) == [Standing("address", 100, 10, 100, 0)]
    admitted(allowance, 5)
    assert allowance.standings(0.0) == [Standing("address", 100, 10, 95, 1), Standing("website", 7, 3, 2, 1)]
    admitted(allowance, 5)
    assert [(standing.name, standing.left) for standing in allowance.standings(0.0)] == [
        ("address", 93),
        ("website", 0),
    ]


def test_of_several_websites_the_one_with_least_left_is_told() -> None:
    one = limiter(website=rate(1.0, 9))
    allowance = one.request(ADDRESS, 0.0)
    admitted(allowance, 2, "shop")
    admitted(allowance, 5, "blog")
    admitted(allowance, 1, "docs")
    assert [(standing.name, standing.left) for standing in allowance.standings(0.0)] == [("website", 4)]


def test_asking_where_one_stands_keeps_no_bucket() -> None:
    one = limiter(address=rate(1.0, 5))
    one.request(ADDRESS, 0.0).standings(0.0)
    assert len(one.addresses) == 0


def test_an_answer_that_comes_later_tells_how_it_is_then() -> None:
    allowance = limiter(address=rate(1.0, 5)).request(ADDRESS, 0.0)
    assert admitted(allowance, 7) == 5
    assert (allowance.retry_after(0.0), allowance.standings(0.0)[0].left) == (2, 0)
    assert (allowance.retry_after(1.0), allowance.standings(1.0)[0].left) == (1, 1)
    assert (allowance.retry_after(9.0), allowance.standings(9.0)[0].left) == (1, 5)
