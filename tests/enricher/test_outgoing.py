from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from enricher.draft import Draft
from enricher.enrichments.url import UrlParts
from enricher.fragments import fragment
from enricher.outgoing import written
from eventrail.contract.v1.enriched_pb2 import (
    BOT_KIND_CRAWLER,
    EVENT_TYPE_PAGEVIEW,
    Agent,
    Bot,
    Campaign,
    EnrichedEvent,
    Enrichment,
    EventType,
    Geo,
    Page,
    RawPosition,
    Referrer,
    Screen,
    VisitorSource,
)
from eventrail.contract.v1.raw_pb2 import RawEvent
from tests.enricher.drafts import draft_of, event_of

# Field 2047 of length 4: what a newer collector might add to a message.
UNKNOWN_FIELD = b"\xfa\x7f\x04\x51\x02\x45\x8e"


def leaving(raw: RawEvent) -> EnrichedEvent:
    return event_of(draft_of(raw, RawPosition(partition=3, offset=2**40, index=7)))


def test_what_was_sent_is_copied(make_raw: Callable[..., RawEvent]) -> None:
    raw = make_raw(
        event_data='{"plan":"pro"}', language="en-GB", screen=Screen(width=1920, height=1080), identity_day=-1
    )
    event = leaving(raw)
    for name in (
        "website_id", "event_id", "event_type", "event_name", "timestamp_ms", "received_at_ms",
        "identity_day", "event_data", "language", "screen",
    ):  # fmt: skip
        assert getattr(event, name) == getattr(raw, name), name
    assert event.raw_position == RawPosition(partition=3, offset=2**40, index=7)


def test_a_page_view_has_no_name(make_raw: Callable[..., RawEvent]) -> None:
    event = leaving(make_raw(event_type=EVENT_TYPE_PAGEVIEW, event_name=""))
    assert event.event_type == EVENT_TYPE_PAGEVIEW
    assert event.event_name == ""
    assert not event.HasField("screen")


def test_the_first_place_of_the_topic_is_a_place(make_raw: Callable[..., RawEvent]) -> None:
    assert event_of(draft_of(make_raw())).HasField("raw_position")


def test_fields_of_a_newer_collector_do_not_slip_through(make_raw: Callable[..., RawEvent]) -> None:
    screen = Screen.FromString(Screen(width=1, height=2).SerializeToString() + UNKNOWN_FIELD)
    raw = RawEvent.FromString(make_raw(screen=screen).SerializeToString() + UNKNOWN_FIELD)
    assert UNKNOWN_FIELD in raw.screen.SerializeToString()
    assert UNKNOWN_FIELD not in leaving(raw).SerializeToString()


# --- the simple way, as judge

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
MS = st.integers(-(2**63), 2**63 - 1)
INT32 = st.integers(-(2**31), 2**31 - 1)
PIXELS = st.integers(0, 2**32 - 1)

RAW = st.builds(
    RawEvent, website_id=TEXT, event_id=TEXT, event_type=st.sampled_from(EventType.values()), event_name=TEXT,
    timestamp_ms=MS, received_at_ms=MS, identity_day=INT32, event_data=TEXT, url=TEXT, language=TEXT,
    screen=st.none() | st.builds(Screen, width=PIXELS, height=PIXELS),
)  # fmt: skip
FACTS = st.fixed_dictionaries(
    {
        "page": st.none() | st.builds(UrlParts, TEXT, st.none(), TEXT, TEXT, TEXT),
        "visitor_id": TEXT,
        "visitor_source": st.sampled_from(VisitorSource.values()),
        "referrer": st.none() | st.builds(Referrer, url=TEXT, domain=TEXT),
        "campaign": st.none() | st.builds(Campaign, source=TEXT, click_id=TEXT, inherited=st.booleans()),
        "channel": TEXT,
    }
)
PARTS = st.fixed_dictionaries(
    {
        "session": st.just({}) | st.fixed_dictionaries({"session_id": TEXT, "session_started_at_ms": MS}),
        "geo": st.none() | st.builds(Geo, country=TEXT, city=TEXT),
        "agent": st.none() | st.builds(Agent, browser=TEXT, os=TEXT),
        "bot": st.none() | st.builds(Bot, kind=st.just(BOT_KIND_CRAWLER), name=TEXT),
        "enrichment": st.none() | st.builds(Enrichment, rules_version=PIXELS, geo_database=TEXT),
    }
)
POSITION = st.builds(
    RawPosition,
    partition=st.integers(0, 2**31 - 1),
    offset=st.integers(0, 2**63 - 1),
    index=st.integers(0, 2**31 - 1),
)


def plainly(draft: Draft, parts: dict[str, Any], position: RawPosition) -> EnrichedEvent:
    """The event of `draft`, made field by field."""
    raw, session = draft.raw.message, parts.pop("session")
    event = EnrichedEvent(
        website_id=raw.website_id,
        event_id=raw.event_id,
        event_type=raw.event_type,
        event_name=raw.event_name,
        timestamp_ms=raw.timestamp_ms,
        received_at_ms=raw.received_at_ms,
        identity_day=raw.identity_day,
        event_data=raw.event_data,
        visitor_id=draft.visitor_id,
        visitor_source=draft.visitor_source,
        referrer=draft.referrer,
        campaign=draft.campaign,
        channel=draft.channel,
        language=raw.language,
        raw_position=position,
        **session,
        **parts,
    )
    if raw.HasField("screen"):
        event.screen.CopyFrom(raw.screen)
    if raw.url:
        found = draft.page
        event.page.CopyFrom(
            Page(url=raw.url, host=found.host, path=found.path, query=found.query)
            if found
            else Page(url=raw.url)
        )
    return event


@given(RAW, FACTS, PARTS, POSITION)
def test_what_leaves_is_the_event_made_field_by_field(
    raw: RawEvent, facts: dict[str, Any], parts: dict[str, Any], position: RawPosition
) -> None:
    whose = {"website_id": raw.website_id, "visitor_id": facts["visitor_id"]} if parts["session"] else {}
    fragments = {
        name: fragment(**({name: part} if name != "session" else {**whose, **part}))
        for name, part in parts.items()
    }
    draft = draft_of(raw, position, **facts, **fragments)
    assert event_of(draft) == plainly(draft, parts, position)
    copy = draft_of(RawEvent.FromString(raw.SerializeToString()), position, **facts, **fragments)
    assert written(copy) == written(draft)
