"""The marketing channel: by a table that is read downwards, the first row that fits decides.

It follows the default channel groups of Google Analytics 4, the field's standard, and departs from them in three ways:
what a campaign says of itself (email, affiliate, …) goes before what is known of the site it names, AI assistants
have a channel, and a visit that came by something unknown is a referral. docs/channels.md shows the table.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from enricher.draft import Draft
from enricher.enrichments.campaign import CLICK_IDS
from enricher.lookups.sites import kind_of_domain, kind_of_source
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import Campaign, Referrer

DIRECT: Final = "Direct"

_LOOKED_AT: Final = 256
"""Characters of a value that the table looks at, so that what is kept for next time stays small."""

_PAID: Final = re.compile(r".*cp.*|ppc|retargeting|remarketing|paid.*", re.DOTALL)
_SHOP: Final = re.compile(r".*(?:(?:[^a-df-z]|^)shop|shopping).*", re.DOTALL)
_EMAIL: Final = frozenset({"email", "e-mail", "e_mail", "e mail"})
_SOCIAL: Final = frozenset(
    {"social", "social-network", "social-media", "sm", "social network", "social media"}
)
_BANNER: Final = frozenset({"display", "banner", "expandable", "interstitial", "cpm"})
_NO_MEDIUM: Final = frozenset({"", "(none)", "(not set)"})


class Facts(NamedTuple):
    """What the table looks at, in lower case and trimmed; "" where it is not known.

    `kind` is what sort of site the source is: "search", "social", "video", "shopping", "email", "ai", "display" or "".
    `paid` tells whether somebody paid for the click, `brought` whether there is any campaign or referrer at all.
    """

    source: str
    medium: str
    campaign: str
    click_id: str
    kind: str
    paid: bool
    brought: bool


class Row(NamedTuple):
    """One line of the table: the channel, when it is taken, in words and in code."""

    channel: str
    when: str
    fits: Callable[[Facts], bool]


TABLE: Final = (
    Row(
        DIRECT,
        'no campaign and no referrer, or source "(direct)" with no medium, "(none)" or "(not set)"',
        lambda f: not f.brought or (f.source == "(direct)" and f.medium in _NO_MEDIUM),
    ),
    Row("Cross-network", 'campaign contains "cross-network"', lambda f: "cross-network" in f.campaign),
    Row(
        "Email",
        "medium or source is email (e-mail, e_mail, e mail), or medium is newsletter",
        lambda f: f.medium in _EMAIL or f.source in _EMAIL or f.medium == "newsletter",
    ),
    Row("Affiliates", "medium is affiliate or affiliates", lambda f: f.medium in {"affiliate", "affiliates"}),
    Row("SMS", "medium or source is sms", lambda f: "sms" in (f.medium, f.source)),
    Row(
        "Mobile Push",
        "medium ends in push or contains mobile or notification, or source is firebase",
        lambda f: (
            f.medium.endswith("push")
            or "mobile" in f.medium
            or "notification" in f.medium
            or f.source == "firebase"
        ),
    ),
    Row("Audio", "medium is audio or podcast", lambda f: f.medium in {"audio", "podcast"}),
    Row(
        "Paid Shopping",
        "paid, and a shopping site or a campaign named after a shop or shopping",
        lambda f: f.paid and (f.kind == "shopping" or _SHOP.fullmatch(f.campaign) is not None),
    ),
    Row("Paid Search", "paid, and a search engine", lambda f: f.paid and f.kind == "search"),
    Row("Paid Social", "paid, and a social network", lambda f: f.paid and f.kind == "social"),
    Row("Paid Video", "paid, and a video site", lambda f: f.paid and f.kind == "video"),
    Row(
        "Display",
        "medium is display, banner, expandable, interstitial or cpm; click id dclid; or an advertising network",
        lambda f: f.medium in _BANNER or f.kind == "display" or (f.click_id == "dclid" and not f.medium),
    ),
    Row("Paid Other", "paid", lambda f: f.paid),
    Row("Email", "a mail service", lambda f: f.kind == "email"),
    Row("AI", "an AI assistant, or medium is ai", lambda f: f.kind == "ai" or f.medium == "ai"),
    Row(
        "Organic Shopping",
        "a shopping site or a campaign named after a shop or shopping",
        lambda f: f.kind == "shopping" or _SHOP.fullmatch(f.campaign) is not None,
    ),
    Row(
        "Organic Social",
        "a social network, or medium is social (social-network, social-media, sm)",
        lambda f: f.kind == "social" or f.medium in _SOCIAL,
    ),
    Row(
        "Organic Video",
        "a video site, or medium contains video",
        lambda f: f.kind == "video" or "video" in f.medium,
    ),
    Row(
        "Organic Search",
        "a search engine, or medium is organic",
        lambda f: f.kind == "search" or f.medium == "organic",
    ),
    Row("Referral", "anything else that brought the visit here", lambda _: True),
)
"""Read downwards; the last row always fits."""


def add_channel(draft: Draft, _world: World) -> None:
    """`channel` by the event's own campaign and referrer; always set."""
    draft.channel = channel_of(draft.campaign, draft.referrer)


def channel_of(campaign: Campaign | None, referrer: Referrer | None) -> str:
    """The channel that campaign and referrer of an event tell; None where it has none."""
    domain = referrer.domain if referrer is not None else ""
    if campaign is None:
        return DIRECT if referrer is None else _channel("", "", "", "", domain)
    source, medium, name = campaign.source, campaign.medium, campaign.campaign
    return _channel(source[:_LOOKED_AT], medium[:_LOOKED_AT], name[:_LOOKED_AT], campaign.click_id, domain)


@lru_cache(maxsize=4096)
def _channel(source: str, medium: str, campaign: str, click_id: str, domain: str) -> str:
    facts = _facts(_plain(source), _plain(medium), _plain(campaign), click_id, domain)
    return next(row.channel for row in TABLE if row.fits(facts))


def _plain(text: str) -> str:
    return text.strip().lower()


def _facts(source: str, medium: str, campaign: str, click_id: str, domain: str) -> Facts:
    click = CLICK_IDS.get(click_id)
    kind_of_click = click.kind if click is not None else ""
    kind = kind_of_source(source) if source else kind_of_domain(domain) or kind_of_click
    # A tagged medium knows better than a click id: networks add theirs to links in mails too.
    paid = _PAID.fullmatch(medium) is not None or (not medium and click is not None and click.paid)
    return Facts(source, medium, campaign, click_id, kind, paid, brought=True)
