"""What is judged at a glance is judged as the rules do."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from collector.payload import rules, usual
from collector.payload.members import Member
from collector.refusals import Refused

GOOD = Member(website_id="shop", event_type="custom", event_name="signup")
UUID4 = "9f0c1c1e-52b5-4a9f-8a3c-0d8a3b1c2d3e"
UUID7 = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def absent_or(*some: object, more: st.SearchStrategy[object] | None = None) -> st.SearchStrategy[object]:
    """Mostly values at the edge of a rule."""
    some_of_them = st.sampled_from([msgspec.UNSET, None, "", *some])
    return some_of_them if more is None else some_of_them | more


TEXT = st.text(max_size=5)
MOMENT = absent_or(0, 1_770_000_000_000, -(10**12), 8_640_000_000_000_001, "2026-02-01T10:00:00Z", "soon")
URL = absent_or("https://a.example/b?c", "u" * 2048, "ü" * 2048, "u" * 2049, more=TEXT)
UTM = absent_or("s", "s" * 255, "s" * 256)
RAW = absent_or(b'{"a":1}', b'"{\\"a\\": 1}"', b"null", b"[]", b'{"a":1,"a":2}', b"{}").map(
    lambda value: msgspec.Raw(value if isinstance(value, bytes) else b"")
)
MEMBERS = st.builds(
    Member,
    website_id=st.sampled_from(["shop", "a.b_C-9", ".", "a/b", "w" * 64, "w" * 65, "", None, msgspec.UNSET]),
    event_type=absent_or("custom", "event", "pageview", "click"),
    type=absent_or("custom", "pageview"),
    event_name=absent_or("a", " a\u3000", "n" * 255, "n" * 256, "\u2003" + "ü" * 255, more=TEXT),
    url=URL,
    referrer=URL,
    event_data=RAW,
    visitor_id=absent_or("v", "v" * 64, "v" * 65, "ü" * 32, "ü" * 33, more=TEXT),
    language=absent_or("en-GB", "en,de;q=0.5", "*", "x" * 35, "x" * 36, "x" * 35 + "," + "y" * 90, more=TEXT),
    screen=absent_or("1920x1080", "1X2", "0x1", "65536x1", "wide", "1x" + "2" * 70, more=TEXT),
    screen_width=st.sampled_from([msgspec.UNSET, None, 0, 5]),
    screen_height=st.sampled_from([msgspec.UNSET, None, 5]),
    utm_source=UTM,
    utm_content=UTM,
    event_id=absent_or(
        UUID4, UUID7, UUID4.upper(), "00000000-0000-0000-0000-000000000000", UUID4 + "\n", "17"
    ),
    timestamp=MOMENT,
    sent_at=MOMENT,
    client_ip=absent_or("192.0.2.1"),
    user_agent=absent_or("agent"),
)
USUAL = st.builds(
    replace,
    st.just(GOOD),
    event_type=st.sampled_from(["custom", "event"]),
    url=URL,
    referrer=URL,
    event_data=RAW,
    visitor_id=absent_or("v", "v" * 64, "ü" * 32, "ü" * 33),
    language=absent_or("en-GB", "en,de;q=0.5", "*", "x" * 36),
    screen=absent_or("1920x1080", "65536x1"),
    event_id=absent_or(UUID4, UUID7, UUID4.upper()),
    timestamp=MOMENT,
    sent_at=MOMENT,
)


def outcome(judged: rules.Event | Refused) -> object:
    return (judged.kind.code, judged.field, judged.message) if isinstance(judged, Refused) else judged


def by_the_rules(member: Member) -> rules.Event | Refused:
    try:
        return rules.judge(member)
    except Refused as refused:
        return refused


def at_a_glance(member: Member) -> rules.Event | Refused | None:
    try:
        return usual.judge(member)
    except Refused as refused:
        return refused


@given(MEMBERS | USUAL)
def test_what_is_judged_at_a_glance_is_judged_as_the_rules_do(member: Member) -> None:
    judged = at_a_glance(member)
    if judged is not None:
        assert outcome(judged) == outcome(by_the_rules(member))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"event_type": msgspec.UNSET, "type": "event"},
        {"event_type": "pageview", "event_name": msgspec.UNSET, "url": "https://a.example/"},
        {"url": "https://a.example/b", "referrer": "", "language": "en-US", "screen": "1920x1080"},
        {"event_id": UUID4, "timestamp": 1_770_000_000_000, "sent_at": 1_770_000_000_009},
        {"event_data": msgspec.Raw(b'{"plan":"pro"}'), "visitor_id": "v"},
        {"event_data": msgspec.Raw(json.dumps('{ "plan": "pro" }').encode())},
    ],
)
def test_what_trackers_send_is_judged_at_a_glance(fields: dict[str, object]) -> None:
    assert usual.judge(replace(GOOD, **fields)) is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"website_id": "a" * 65},
        {"website_id": "a/b"},
        {"event_name": " "},
        {"event_type": "pageview"},
        {"url": "u" * 2049},
        {"referrer": "u" * 2049},
        {"visitor_id": "v" * 65},
        {"language": "x" * 36},
        {"screen": "wide"},
        {"screen_width": 1},
        {"event_id": "17", "timestamp": 1},
        {"event_id": UUID4},
        {"timestamp": 10**16},
        {"sent_at": "now"},
    ],
)
def test_what_breaks_a_rule_is_left_to_the_rules(fields: dict[str, object]) -> None:
    assert usual.judge(replace(GOOD, **fields)) is None
