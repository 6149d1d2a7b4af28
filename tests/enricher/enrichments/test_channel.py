from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.enrichments.campaign import CLICK_IDS
from enricher.enrichments.channel import DIRECT, TABLE, Facts, add_channel, channel_of
from enricher.lookups.sites import KINDS
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import Campaign, Referrer
from eventrail.contract.v1.raw_pb2 import RawEvent
from tests.enricher.drafts import draft_of, event_of

PAGE = Path(__file__).parents[3] / "docs" / "channels.md"
CHANNELS = {row.channel for row in TABLE}


def facts(
    *,
    source: str = "",
    medium: str = "",
    campaign: str = "",
    click_id: str = "",
    kind: str = "",
    paid: bool = False,
    brought: bool = True,
) -> Facts:
    return Facts(source, medium, campaign, click_id, kind, paid, brought)


def decided(found: Facts) -> str:
    return next(row.channel for row in TABLE if row.fits(found))


def test_with_nothing_known_it_is_direct(make_raw: Callable[..., RawEvent], world: World) -> None:
    draft = draft_of(make_raw())
    add_channel(draft, world)
    assert event_of(draft).channel == DIRECT == "Direct"
    assert not event_of(draft).HasField("campaign")
    assert not event_of(draft).HasField("referrer")


ROWS = [
    ("Direct", facts(brought=False)),
    ("Cross-network", facts(campaign="x cross-network y", paid=True, kind="search")),
    ("Email", facts(medium="e-mail", kind="social", paid=True)),
    ("Affiliates", facts(medium="affiliate", kind="shopping")),
    ("SMS", facts(source="sms")),
    ("Mobile Push", facts(medium="web-push")),
    ("Audio", facts(medium="podcast")),
    ("Paid Shopping", facts(kind="shopping", paid=True)),
    ("Paid Search", facts(kind="search", paid=True)),
    ("Paid Social", facts(kind="social", paid=True)),
    ("Paid Video", facts(kind="video", paid=True)),
    ("Display", facts(kind="display", paid=True)),
    ("Paid Other", facts(paid=True)),
    ("Email", facts(kind="email")),
    ("AI", facts(kind="ai")),
    ("Organic Shopping", facts(kind="shopping")),
    ("Organic Social", facts(kind="social")),
    ("Organic Video", facts(kind="video")),
    ("Organic Search", facts(kind="search")),
    ("Referral", facts()),
]


@pytest.mark.parametrize(("place", "channel", "found"), [(n, *row) for n, row in enumerate(ROWS)])
def test_each_row_decides_where_no_row_above_it_fits(place: int, channel: str, found: Facts) -> None:
    fitting = [number for number, row in enumerate(TABLE) if row.fits(found)]
    assert fitting[0] == place
    assert TABLE[place].channel == channel == decided(found)


def test_there_is_a_case_for_each_row() -> None:
    assert [channel for channel, _ in ROWS] == [row.channel for row in TABLE]


@pytest.mark.parametrize(
    "medium", ["cpc", "ppc", "CPC", "paid", "paid_social", "paidsearch", "cpv", "retargeting"]
)
def test_media_that_are_paid(medium: str) -> None:
    assert channel_of(Campaign(source="bing", medium=medium), None) == "Paid Search"


@pytest.mark.parametrize("medium", ["", "organic", "unpaid", "link", "none"])
def test_media_that_are_not(medium: str) -> None:
    assert channel_of(Campaign(source="bing", medium=medium), None) == "Organic Search"


def test_a_tagged_source_goes_before_the_referrer() -> None:
    assert channel_of(Campaign(source="facebook"), Referrer(domain="google.com")) == "Organic Social"


def test_a_referrer_stands_for_a_source_that_is_missing() -> None:
    assert channel_of(Campaign(medium="cpc"), Referrer(domain="google.com")) == "Paid Search"


def test_of_a_long_value_the_beginning_is_looked_at() -> None:
    long = Campaign(source="google " * 20_000, medium="cpc" + "x" * 100_000, campaign="shopping" * 20_000)
    assert channel_of(long, None) == "Paid Shopping"
    late = Campaign(source="partner", medium="x" * 256 + "cpc")
    assert channel_of(late, None) == "Referral"


def test_a_referrer_without_a_domain_is_one() -> None:
    assert channel_of(None, Referrer(url="slack://open")) == "Referral"


@pytest.mark.parametrize("name", CLICK_IDS)
def test_a_click_id_alone_tells_the_channel(name: str) -> None:
    click = CLICK_IDS[name]
    assert click.kind in KINDS
    expected = {
        "search": "Paid Search",
        "display": "Display",
        "social": "Paid Social" if click.paid else "Organic Social",
    }
    assert channel_of(Campaign(click_id=name), None) == expected[click.kind]


def test_the_page_shows_the_table() -> None:
    """docs/channels.md has the rows of TABLE, in their order, and the click ids."""
    rows = [f"| {number} | {row.channel} | {row.when} |" for number, row in enumerate(TABLE, 1)]
    page = PAGE.read_text("utf-8")
    assert "\n".join(rows) in page
    for name in CLICK_IDS:
        assert f"`{name}`" in page


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text(
    "cpshopgleid.-_ (){}\n", max_size=60
)


@given(TEXT, TEXT, TEXT, TEXT, TEXT, st.booleans())
def test_each_event_has_one(
    source: str, medium: str, campaign: str, click_id: str, domain: str, referred: bool
) -> None:
    tags = Campaign(source=source, medium=medium, campaign=campaign, click_id=click_id)
    referrer = Referrer(domain=domain) if referred else None
    assert channel_of(tags, referrer) in CHANNELS
    assert channel_of(None, referrer) in CHANNELS
