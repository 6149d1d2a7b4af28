import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.enrichments.campaign import CLICK_IDS, FIELDS, add_campaign, read
from enricher.enrichments.channel import add_channel
from enricher.enrichments.page import add_page
from enricher.enrichments.referrer import add_referrer
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import Campaign, EnrichedEvent
from eventrail.contract.v1.raw_pb2 import RawEvent
from tests.enricher.drafts import draft_of, event_of

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "campaigns.json").read_text("utf-8"))


@pytest.fixture
def campaign_of(make_raw: Callable[..., RawEvent], world: World) -> Callable[..., EnrichedEvent]:
    def enriched(url: str, sent: Campaign | None = None) -> EnrichedEvent:
        draft = draft_of(make_raw(url=url, campaign=sent))
        add_page(draft, world)
        add_campaign(draft, world)
        return event_of(draft)

    return enriched


@pytest.mark.parametrize(
    ("query", "facts"),
    [
        ("utm_source=newsletter", {"source": "newsletter"}),
        (
            "utm_source=google&utm_medium=cpc&utm_campaign=spring&utm_term=shoes&utm_content=ad1",
            {"source": "google", "medium": "cpc", "campaign": "spring", "term": "shoes", "content": "ad1"},
        ),
        ("a=b&utm_source=x&c", {"source": "x"}),
        ("utm_campaign=spring+sale", {"campaign": "spring sale"}),
        ("utm_campaign=spring%20sale", {"campaign": "spring sale"}),
        ("utm_campaign=1%2B1", {"campaign": "1+1"}),
        ("utm_campaign=100%", {"campaign": "100%"}),
        ("utm_campaign=%zz%4", {"campaign": "%zz%4"}),
        ("utm_campaign=%C3%BC", {"campaign": "ü"}),
        ("utm_campaign=ü", {"campaign": "ü"}),
        ("utm_campaign=%FF%FE", {"campaign": "\ufffd\ufffd"}),
        ("utm_campaign=%ED%A0%80", {"campaign": "\ufffd\ufffd\ufffd"}),
        ("utm_campaign=%2526", {"campaign": "%26"}),
        ("utm_campaign=a%26utm_source%3Db", {"campaign": "a&utm_source=b"}),
        ("utm_campaign=a=b=c", {"campaign": "a=b=c"}),
        ("utm_source=first&utm_source=second", {"source": "first"}),
        ("utm_source=&utm_source=second", {"source": "second"}),
        ("utm_source=", {}),
        ("utm_source", {}),
        ("utm_id=7&utm_=8&xutm_source=9", {}),
        ("UTM_SOURCE=x", {"source": "x"}),
        ("&&&=&", {}),
        ("q=utm_source%3Dx", {}),
    ],
)
def test_parameters_are_decoded(
    campaign_of: Callable[..., EnrichedEvent], query: str, facts: dict[str, Any]
) -> None:
    event = campaign_of(f"https://example.com/p?{query}#utm_term=fragment")
    assert event.campaign == Campaign(**facts)
    assert event.HasField("campaign") == bool(facts)


def test_a_path_only_url_has_a_campaign_too(campaign_of: Callable[..., EnrichedEvent]) -> None:
    assert campaign_of("/p?utm_source=x").campaign == Campaign(source="x")


def test_what_the_client_sent_wins_each_for_itself(campaign_of: Callable[..., EnrichedEvent]) -> None:
    event = campaign_of("/p?utm_source=url&utm_medium=url", Campaign(source="sent", term="sent"))
    assert event.campaign == Campaign(source="sent", medium="url", term="sent")


def test_what_the_client_sent_needs_no_url_and_is_not_decoded(
    campaign_of: Callable[..., EnrichedEvent],
) -> None:
    assert campaign_of("", Campaign(source="a+b%20c")).campaign == Campaign(source="a+b%20c")


@pytest.mark.parametrize("url", ["", "/p", "/p?a=b", "http://[::1?utm_source=x"])
def test_no_parameters_are_no_campaign(campaign_of: Callable[..., EnrichedEvent], url: str) -> None:
    assert not campaign_of(url).HasField("campaign")
    assert not campaign_of(url, Campaign()).HasField("campaign")


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: repr(case["url"][:80]))
def test_the_golden_table(make_raw: Callable[..., RawEvent], world: World, case: dict[str, Any]) -> None:
    draft = draft_of(make_raw(url=case["url"], referrer=case["referrer"]))
    for step in (add_page, add_referrer, add_campaign, add_channel):
        step(draft, world)
    assert event_of(draft).HasField("campaign") == (case["campaign"] is not None)
    assert event_of(draft).campaign == Campaign(**(case["campaign"] or {}))
    assert event_of(draft).channel == case["channel"]


def test_the_golden_table_is_large_enough() -> None:
    assert len(GOLDEN) >= 100
    assert {case["campaign"].get("click_id") for case in GOLDEN if case["campaign"]} >= set(CLICK_IDS)


def test_the_first_click_id_of_the_table_is_noted(campaign_of: Callable[..., EnrichedEvent]) -> None:
    names = list(CLICK_IDS)
    for place, name in enumerate(names):
        query = "&".join(f"{later}=1" for later in reversed(names[place:]))
        assert campaign_of(f"/?{query}").campaign == Campaign(click_id=name)


def test_the_value_of_a_click_id_is_not_kept(campaign_of: Callable[..., EnrichedEvent]) -> None:
    assert b"SeCrEt" not in campaign_of("/?gclid=SeCrEt").campaign.SerializeToString()


def test_only_a_url_has_click_ids(campaign_of: Callable[..., EnrichedEvent]) -> None:
    sent = Campaign(source="sent", click_id="made up", inherited=True)
    found = campaign_of("/?gclid=1&utm_source=url", sent).campaign
    assert found == Campaign(source="sent", click_id="gclid")
    assert not campaign_of("/", Campaign(click_id="made up", inherited=True)).HasField("campaign")


@given(st.text("utm_sorce=%&+;?#ampFf5zé\x00\n", max_size=200) | st.text(max_size=200))
def test_no_query_makes_it_fail(query: str) -> None:
    facts = read(query)
    assert all(facts.values())
    assert set(facts) <= {*FIELDS, "click_id"}


def test_no_query_takes_long() -> None:
    start = time.process_time()
    for piece in ("&", "=", "utm_source=%", "%", "utm_term=%FF&", "gclid=1&"):
        read((piece * 100_000)[:100_000])
    assert time.process_time() - start < 1


@given(
    st.dictionaries(st.sampled_from(FIELDS), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
)
def test_what_was_quoted_comes_back(facts: dict[str, str]) -> None:
    query = "&".join(f"utm_{field}={quote_plus(value)}" for field, value in facts.items())
    assert read(query) == facts
