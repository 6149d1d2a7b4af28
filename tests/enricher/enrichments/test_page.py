from collections.abc import Callable

import pytest

from enricher.draft import Draft
from enricher.enrichments.page import add_page
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, Page, RawPosition
from eventrail.contract.v1.raw_pb2 import RawEvent


@pytest.fixture
def page_of(make_raw: Callable[..., RawEvent], world: World) -> Callable[[str], EnrichedEvent]:
    def enriched(url: str) -> EnrichedEvent:
        draft = Draft(make_raw(url=url), RawPosition())
        add_page(draft, world)
        return draft.event

    return enriched


def test_a_url_is_kept_as_sent_and_taken_apart(page_of: Callable[[str], EnrichedEvent]) -> None:
    url = "https://Example.com:8443/Pricing?plan=pro#top"
    assert page_of(url).page == Page(url=url, host="example.com", path="/Pricing", query="plan=pro")


def test_a_path_has_no_host(page_of: Callable[[str], EnrichedEvent]) -> None:
    url = "/pricing?plan=pro"
    assert page_of(url).page == Page(url=url, path="/pricing", query="plan=pro")


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://a:99999/", "a\0b", "about:blank", "https://a/" + "x" * 100_000]
)
def test_of_a_hostile_url_only_the_url_is_kept(page_of: Callable[[str], EnrichedEvent], url: str) -> None:
    assert page_of(url).page == Page(url=url)


def test_no_url_is_no_page(page_of: Callable[[str], EnrichedEvent]) -> None:
    assert not page_of("").HasField("page")
