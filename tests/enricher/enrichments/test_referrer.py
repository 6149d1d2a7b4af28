from collections.abc import Callable

import pytest

from enricher.draft import Draft
from enricher.enrichments.page import add_page
from enricher.enrichments.referrer import add_referrer, read
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, RawPosition, Referrer
from eventrail.contract.v1.raw_pb2 import RawEvent


@pytest.fixture
def referrer_of(make_raw: Callable[..., RawEvent], world: World) -> Callable[..., EnrichedEvent]:
    def enriched(referrer: str, url: str = "https://shop.example/") -> EnrichedEvent:
        draft = Draft(make_raw(referrer=referrer, url=url), RawPosition())
        add_page(draft, world)
        add_referrer(draft, world)
        return draft.event

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
        ("https://bücher.example/", "https://bücher.example/", "bücher.example"),
        ("android-app://com.google.android.gm/", "android-app://com.google.android.gm/", "com.google.android.gm"),
        ("file:///home/me/x.html", "file:///home/me/x.html", ""),
    ],
)  # fmt: skip
def test_url_and_domain(referrer_of: Callable[..., EnrichedEvent], sent: str, url: str, domain: str) -> None:
    assert referrer_of(sent).referrer == Referrer(url=url, domain=domain)


@pytest.mark.parametrize(
    "sent",
    ["", "google", "google.com", "/pricing", "//google.com/", "about:blank", "mailto:a@b.example", "app:/home",
     "$direct", "http://[::1", "http://a:99999/", "http:///x", "https://a.example/\0",
     "https://a.example/" + "x" * 100_000],
    ids=lambda text: repr(text[:30]),
)  # fmt: skip
def test_what_is_no_url_with_a_scheme_is_no_referrer(
    referrer_of: Callable[..., EnrichedEvent], sent: str
) -> None:
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


def test_a_file_refers_to_a_file(referrer_of: Callable[..., EnrichedEvent]) -> None:
    assert referrer_of("file:///a", "file:///b").HasField("referrer")


def test_reading_takes_any_length() -> None:
    assert read("https://a.example/" + "x" * 10**6) is None
