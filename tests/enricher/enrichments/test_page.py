from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enricher.enrichments.page import add_page
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, Page
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.websites import ListedWebsites, Website, Websites
from tests.enricher.drafts import draft_of, event_of

LISTED = ListedWebsites([Website(id="shop", name="Shop", domains=("bücher.example", "other.example"))])


@pytest.fixture
def page_of(make_raw: Callable[..., RawEvent], world: World) -> Callable[..., EnrichedEvent]:
    def enriched(url: str, websites: Websites | None = None, website_id: str = "shop") -> EnrichedEvent:
        draft = draft_of(make_raw(url=url, website_id=website_id))
        add_page(draft, replace(world, websites=websites) if websites is not None else world)
        return event_of(draft)

    return enriched


def test_a_url_is_kept_as_sent_and_taken_apart(page_of: Callable[[str], EnrichedEvent]) -> None:
    url = "https://Example.com:8443/Pricing?plan=pro#top"
    assert page_of(url).page == Page(url=url, host="example.com", path="/Pricing", query="plan=pro")


def test_in_an_open_stack_a_path_has_no_host(page_of: Callable[[str], EnrichedEvent]) -> None:
    url = "/pricing?plan=pro"
    assert page_of(url).page == Page(url=url, path="/pricing", query="plan=pro")


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://a:99999/", "a\0b", "about:blank", "https://a/" + "x" * 100_000]
)
def test_of_a_hostile_url_only_the_url_is_kept(page_of: Callable[[str], EnrichedEvent], url: str) -> None:
    assert page_of(url).page == Page(url=url)


def test_no_url_is_no_page(page_of: Callable[[str], EnrichedEvent]) -> None:
    assert not page_of("").HasField("page")


@pytest.mark.parametrize(
    ("url", "path", "query"),
    [("/pricing?a=b#c", "/pricing", "a=b"), ("/", "/", ""), ("?a=b", "/", "a=b"), ("#top", "/", "")],
)
def test_a_path_takes_the_website_s_main_domain(
    page_of: Callable[..., EnrichedEvent], url: str, path: str, query: str
) -> None:
    page = Page(url=url, host="xn--bcher-kva.example", path=path, query=query)
    assert page_of(url, LISTED).page == page


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Cdn.Example:81/x", "cdn.example"),
        ("//cdn.example/x", "cdn.example"),
        ("file:///x", ""),
        ("app:/home", ""),
        ("capacitor://localhost/home", "localhost"),
    ],
)
def test_a_url_with_a_scheme_or_host_keeps_its_own(
    page_of: Callable[..., EnrichedEvent], url: str, host: str
) -> None:
    assert page_of(url, LISTED).page.host == host


def test_of_a_website_that_is_not_known_a_path_has_no_host(page_of: Callable[..., EnrichedEvent]) -> None:
    assert page_of("/pricing", LISTED, "blog").page == Page(url="/pricing", path="/pricing")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://me:secret@shop.example:8443/", "shop.example"),
        ("https://shop.example./", "shop.example"),
        ("https://BÜCHER.example/", "xn--bcher-kva.example"),
        ("https://192.0.2.7/", "192.0.2.7"),
        ("https://[2001:DB8::0:1]:81/", "[2001:db8::1]"),
    ],
)
def test_a_host_is_bare(page_of: Callable[..., EnrichedEvent], url: str, host: str) -> None:
    assert page_of(url).page.host == host


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    url=st.text("htps:/?#@[].%&=\\ aZ0éß\u3002\u200d\x00\n", max_size=120)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
)
def test_no_url_makes_it_fail(page_of: Callable[..., EnrichedEvent], url: str) -> None:
    page = page_of(url, LISTED).page
    assert page.url == url
    assert page.host.isascii()
    assert page.path.startswith("/") or not (page.host or page.path or page.query)
