import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enricher.enrichments.campaign import add_campaign
from enricher.enrichments.channel import add_channel
from enricher.enrichments.page import add_page
from enricher.enrichments.referrer import add_referrer, domain_of, read
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, Referrer
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.websites import ListedWebsites, Website
from tests.enricher.drafts import draft_of, event_of

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "referrers.json").read_text("utf-8"))
LISTED = ListedWebsites(
    [Website(id="shop", name="Shop", domains=("shop.example", "shop.de.example", "bücher.example"))]
)


@pytest.fixture
def referrer_of(make_raw: Callable[..., RawEvent], world: World) -> Callable[..., EnrichedEvent]:
    def enriched(referrer: str, url: str = "https://shop.example/") -> EnrichedEvent:
        draft = draft_of(make_raw(referrer=referrer, url=url))
        add_page(draft, world)
        add_referrer(draft, world)
        return event_of(draft)

    return enriched


@pytest.mark.parametrize(
    ("sent", "url", "domain"),
    [
        ("https://www.google.com/", "https://www.google.com/", "google.com"),
        ("https://google.com", "https://google.com", "google.com"),
        ("https://WWW.Google.com/Search?q=A", "https://WWW.Google.com/Search?q=A", "google.com"),
        ("https://news.ycombinator.com/item?id=1", "https://news.ycombinator.com/item?id=1", "news.ycombinator.com"),
        ("http://blog.example:8080/a", "http://blog.example:8080/a", "blog.example"),
        ("https://t.co/x#frag", "https://t.co/x", "t.co"),
        ("https://t.co/?a=b#c#d", "https://t.co/?a=b", "t.co"),
        ("https://t.co#@x", "https://t.co", "t.co"),
        ("https://me:secret@t.co/x", "https://t.co/x", "t.co"),
        ("https://me@t.co:81/x?y=a@b#z", "https://t.co:81/x?y=a@b", "t.co"),
        ("https://a@b@t.co", "https://t.co", "t.co"),
        ("https://t.co/@me//x", "https://t.co/@me//x", "t.co"),
        ("https://www.www.example/", "https://www.www.example/", "www.example"),
        ("https://wwwx.example/", "https://wwwx.example/", "wwwx.example"),
        ("https://[2001:DB8::1]/x", "https://[2001:DB8::1]/x", "[2001:db8::1]"),
        ("https://bücher.example/", "https://bücher.example/", "xn--bcher-kva.example"),
        ("android-app://com.google.android.gm/", "android-app://com.google.android.gm/", "com.google.android.gm"),
        ("slack://open?team=T1#x", "slack://open?team=T1", ""),
    ],
)  # fmt: skip
def test_url_and_domain(referrer_of: Callable[..., EnrichedEvent], sent: str, url: str, domain: str) -> None:
    assert referrer_of(sent).referrer == Referrer(url=url, domain=domain)


@pytest.mark.parametrize(
    "sent",
    ["", "google", "google.com", "/pricing", "//google.com/", "about:blank", "mailto:a@b.example", "app:/home",
     "file:///home/me/x.html", "chrome-extension://abc/x.html", "data:text/html,x",
     "$direct", "http://[::1", "http://a:99999/", "http:///x", "https://a.example/\0",
     "https://a.example/" + "x" * 100_000],
    ids=lambda text: repr(text[:30]),
)  # fmt: skip
def test_what_tells_nothing_is_no_referrer(referrer_of: Callable[..., EnrichedEvent], sent: str) -> None:
    assert not referrer_of(sent).HasField("referrer")


@pytest.mark.parametrize(
    ("sent", "page"),
    [
        ("https://shop.example/a", "https://shop.example/b"),
        ("http://www.shop.example:81/a", "https://shop.example/b"),
        ("https://shop.example/a", "https://WWW.SHOP.example:8443/b"),
    ],
)
def test_the_page_does_not_refer_to_itself(
    referrer_of: Callable[..., EnrichedEvent], sent: str, page: str
) -> None:
    assert not referrer_of(sent, page).HasField("referrer")


@pytest.mark.parametrize("page", ["", "/b", "http://[::1", "https://blog.shop.example/", "file:///x"])
def test_another_page_or_none_has_a_referrer(referrer_of: Callable[..., EnrichedEvent], page: str) -> None:
    assert referrer_of("https://shop.example/a", page).referrer.domain == "shop.example"


def test_an_app_refers_to_a_page_without_a_host(referrer_of: Callable[..., EnrichedEvent]) -> None:
    assert referrer_of("slack://a", "file:///b").referrer == Referrer(url="slack://a")


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: repr(case["referrer"][:60]))
def test_the_golden_table(make_raw: Callable[..., RawEvent], world: World, case: dict[str, str]) -> None:
    draft = draft_of(make_raw(referrer=case["referrer"], url=case["page"]))
    for step in (add_page, add_referrer, add_campaign, add_channel):
        step(draft, replace(world, websites=LISTED))
    found = event_of(draft).referrer if event_of(draft).HasField("referrer") else None
    assert case["url"] == (found and found.url)
    assert case["domain"] == (found and found.domain)
    assert case["channel"] == event_of(draft).channel


def test_the_golden_table_is_large_enough() -> None:
    assert len({case["referrer"] for case in GOLDEN}) >= 120
    assert sum(case["url"] is None for case in GOLDEN) >= 40


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    referrer=st.text("htps:/?#@[].%&=\\ aZ0éwß\u3002\x00\n", max_size=120)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
)
def test_no_text_makes_it_fail(referrer_of: Callable[..., EnrichedEvent], referrer: str) -> None:
    found = referrer_of(referrer).referrer
    assert "#" not in found.url
    assert found.domain.isascii()
    assert found.domain == found.domain.lower()


@given(st.text("abc:%-._~", min_size=1, max_size=20), st.sampled_from(["", "/", "/x?a@b", "?q", "#f"]))
def test_credentials_never_stay(userinfo: str, rest: str) -> None:
    found = read(f"https://{userinfo}@blog.example{rest}")
    assert found is not None
    assert found == read(f"https://blog.example{rest}")


def test_reading_takes_any_length() -> None:
    assert read("https://a.example/" + "x" * 10**6) is None


HOSTS = st.sampled_from(
    ["shop.example", "www.shop.example", "Shop.example", "shop.example:81", "me@shop.example", "", "t.co"]
)
URLS = st.builds(
    "{}://{}{}".format,
    st.sampled_from(["https", "http", "HTTPS", "android-app", "slack", "file"]),
    HOSTS,
    st.sampled_from(["", "/", "/a?b", "/a\n", "#f", "?q", "/" + "x" * 3000]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(referrer=URLS, page=URLS)
def test_a_referrer_is_told_unless_it_is_of_the_page_s_host(
    referrer_of: Callable[..., EnrichedEvent], referrer: str, page: str
) -> None:
    event, found = referrer_of(referrer, page), read(referrer)
    is_own = found is not None and found.domain != "" and found.domain == domain_of(event.page.host)
    assert event.HasField("referrer") == (found is not None and not is_own)
