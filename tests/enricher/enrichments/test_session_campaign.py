from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.enrichments.channel import DIRECT
from enricher.enrichments.session_campaign import MAX_BYTES, add_campaign_of_session, remembered
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import (
    EVENT_TYPE_CUSTOM,
    EVENT_TYPE_PAGEVIEW,
    Campaign,
    EnrichedEvent,
    RawPosition,
)
from eventrail.contract.v1.raw_pb2 import RawEvent
from tests.enricher.drafts import draft_of, enrich, event_of

MINUTE = 60_000
START = 1_780_056_000_000
NEWS = "https://shop.example/?utm_source=news&utm_medium=email"
AD = "https://shop.example/?utm_source=google&utm_medium=cpc&gclid=1"
PAGE = "https://shop.example/cart"
SEARCH = "https://www.google.com/"

Visit = Callable[..., EnrichedEvent]


@pytest.fixture
def visit(make_raw: Callable[..., RawEvent], world: World) -> Visit:
    """Enrich one event of the visitor, `minute` minutes after the start."""
    numbers = iter(range(1, 1000))

    def one(url: str = PAGE, minute: float = 0, *, view: bool = False, **fields: Any) -> EnrichedEvent:
        kind: dict[str, Any] = {"event_type": EVENT_TYPE_PAGEVIEW, "event_name": ""} if view else {}
        at_ms = START + round(minute * MINUTE)
        raw = make_raw(next(numbers), url=url, timestamp_ms=at_ms, received_at_ms=START, **(kind | fields))
        return enrich(raw, RawPosition(), world)

    return one


def test_a_custom_event_inherits_the_campaign_of_its_session(visit: Visit) -> None:
    first = visit(NEWS, view=True)
    second = visit(minute=1)
    assert first.campaign == Campaign(source="news", medium="email")
    assert second.campaign == Campaign(source="news", medium="email", inherited=True)
    assert first.session_id == second.session_id
    assert first.channel == second.channel == "Email"


def test_own_facts_are_not_mixed_with_inherited_ones(visit: Visit) -> None:
    visit(NEWS, view=True)
    assert visit("/?utm_source=own", 1).campaign == Campaign(source="own")


def test_the_last_campaign_of_the_session_counts(visit: Visit) -> None:
    visit(NEWS, view=True)
    visit(AD, 1, view=True)
    assert visit(minute=2).campaign == Campaign(
        source="google", medium="cpc", click_id="gclid", inherited=True
    )


def test_a_campaign_lasts_through_events_without_one(visit: Visit) -> None:
    visit(NEWS, view=True)
    for minute in range(1, 50):
        assert visit(minute=minute, view=minute % 2 == 0).channel == "Email"
    assert visit(minute=50).campaign.inherited


def test_a_custom_event_gives_its_campaign_to_later_ones(visit: Visit) -> None:
    visit(NEWS)
    assert visit(minute=1).campaign == Campaign(source="news", medium="email", inherited=True)


def test_a_page_view_inherits_no_campaign_but_the_channel(visit: Visit) -> None:
    visit(NEWS, view=True)
    view = visit(minute=1, view=True)
    assert not view.HasField("campaign")
    assert view.channel == "Email"


def test_a_campaign_that_calls_itself_direct_is_inherited_too(visit: Visit) -> None:
    visit(NEWS, view=True)
    visit("https://shop.example/?utm_source=(direct)&utm_campaign=spring", 1, view=True)
    event = visit(minute=2)
    assert event.campaign == Campaign(source="(direct)", campaign="spring", inherited=True)
    assert event.channel == visit(minute=3, view=True).channel == DIRECT


def test_what_came_before_the_campaign_has_none(visit: Visit) -> None:
    first = visit()
    visit(NEWS, 1, view=True)
    assert not first.HasField("campaign")
    assert first.channel == DIRECT


def test_another_session_begins_without_a_campaign(visit: Visit) -> None:
    visit(NEWS, view=True)
    later = visit(minute=31)
    assert not later.HasField("campaign")
    assert later.channel == DIRECT


def test_a_past_session_has_its_own_and_leaves_the_live_one_alone(visit: Visit) -> None:
    visit(NEWS, view=True)
    past = visit(AD, minute=-60)
    assert past.campaign.source == "google"
    assert not visit(minute=-60).HasField("campaign")
    assert visit(minute=1).campaign == Campaign(source="news", medium="email", inherited=True)


def test_other_visitors_and_websites_inherit_nothing(visit: Visit) -> None:
    visit(NEWS, view=True)
    assert not visit(minute=1, visitor_id="bob").HasField("campaign")
    assert not visit(minute=1, website_id="blog").HasField("campaign")


def test_without_a_session_nothing_is_inherited(visit: Visit) -> None:
    visit(NEWS, address=None)
    event = visit(minute=1, address=None)
    assert not event.HasField("campaign")
    assert event.channel == DIRECT


def test_an_organic_session_has_a_channel_without_a_campaign(visit: Visit) -> None:
    visit(view=True, referrer=SEARCH)
    event = visit(minute=1, referrer="https://shop.example/")
    assert event.channel == "Organic Search"
    assert not event.HasField("campaign")
    assert not event.HasField("referrer")


def test_the_referrer_of_the_event_does_not_undo_an_inherited_campaign(visit: Visit) -> None:
    visit(AD, view=True, referrer=SEARCH)
    event = visit(minute=1, referrer=SEARCH)
    assert event.campaign.inherited
    assert event.channel == "Paid Search"


def test_an_own_referrer_tells_the_channel_where_the_session_had_no_campaign(visit: Visit) -> None:
    visit(view=True, referrer=SEARCH)
    assert visit(minute=1, referrer="https://t.co/x").channel == "Organic Social"
    assert visit(minute=2).channel == "Organic Social"


# --- the memory


def test_an_event_with_nothing_of_its_own_is_not_remembered() -> None:
    assert remembered(None, DIRECT, b"") == b""
    assert remembered(None, "", b"before") == b"before"


def test_a_memory_holds_nothing_but_campaign_and_channel() -> None:
    memory = EnrichedEvent.FromString(remembered(Campaign(source="a"), "Email", b""))
    assert memory == EnrichedEvent(channel="Email", campaign=Campaign(source="a"))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3000))
def test_a_memory_is_small_and_a_campaign_too_large_for_it_is_not_kept(text: str) -> None:
    before = remembered(Campaign(source="before"), "Email", b"")
    event = EnrichedEvent(channel="Referral", campaign=Campaign(term=text))
    found = remembered(event.campaign, event.channel, before)
    memory = EnrichedEvent.FromString(found)
    assert len(found) <= MAX_BYTES
    assert memory.channel == "Referral"
    if event.ByteSize() <= MAX_BYTES:
        assert memory == event
    else:
        assert not memory.HasField("campaign")


@given(st.binary(min_size=1, max_size=100))
def test_a_broken_memory_takes_nothing_from_an_event(memory: bytes) -> None:
    raw = RawEvent(event_type=EVENT_TYPE_CUSTOM, event_id="e")
    draft = draft_of(raw, channel=DIRECT, session_campaign=memory)
    add_campaign_of_session(draft, None)  # type: ignore[arg-type]
    assert event_of(draft).event_id == "e"
    assert remembered(None, "Email", memory)
