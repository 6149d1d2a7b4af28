"""The campaign that led here, by the url's UTM parameters and click ids and by what the client sent beside the url."""

from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from enricher.draft import Draft
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import Campaign

FIELDS: Final = ("source", "medium", "campaign", "term", "content")
_FIELD_BY_PARAMETER: Final = {f"utm_{field}": field for field in FIELDS}


class ClickId(NamedTuple):
    """What a click id tells: the kind of site (lookups/sites.py) on which somebody clicked, and whether it was paid."""

    kind: str
    paid: bool


CLICK_IDS: Final = {
    "gclid": ClickId("search", paid=True),  # Google Ads
    "gbraid": ClickId("search", paid=True),  # Google Ads, from the web to apps on iOS
    "wbraid": ClickId("search", paid=True),  # Google Ads, from apps to the web on iOS
    "dclid": ClickId("display", paid=True),  # Google Display & Video 360, Campaign Manager
    "msclkid": ClickId("search", paid=True),  # Microsoft Advertising
    "yclid": ClickId("search", paid=True),  # Yandex Direct
    "ttclid": ClickId("social", paid=True),  # TikTok Ads
    "twclid": ClickId("social", paid=True),  # X Ads
    "li_fat_id": ClickId("social", paid=True),  # LinkedIn Ads
    "rdt_cid": ClickId("social", paid=True),  # Reddit Ads
    "sccid": ClickId("social", paid=True),  # Snapchat Ads, which writes it ScCid
    "epik": ClickId("social", paid=False),  # Pinterest puts it on every link
    "fbclid": ClickId("social", paid=False),  # Facebook and Instagram put it on every link
    "igshid": ClickId("social", paid=False),  # a link shared from Instagram
}
"""Click ids in lower case; of several in one url the first of this table is noted. Ids of persons are left out."""


def add_campaign(draft: Draft, _world: World) -> None:
    """`campaign`: what the client sent beside the url wins, each field for itself; absent when all are empty."""
    query = draft.page.query if draft.page is not None else ""
    sent = draft.raw.message.campaign if draft.raw.message.HasField("campaign") else None
    if not query and sent is None:
        return
    facts = read(query)
    if sent is not None:
        facts |= {field: value for field in FIELDS if (value := getattr(sent, field))}
    if facts:
        campaign = draft.campaign = Campaign()
        for field, value in facts.items():
            setattr(campaign, field, value)


def read(query: str) -> dict[str, str]:
    """Values by field of Campaign; empty ones are left out. Never raises.

    Parameters are separated by "&" alone; capitals in their names do not matter, and a link that was escaped for HTML
    ("&amp;") or has its underscore escaped ("utm%5Fsource") is understood. Values are percent- and plus-decoded: what
    is no escape stays, bytes that are no UTF-8 become U+FFFD. The first of several equal parameters that are
    not empty counts. Of a click id only the name is taken.
    """
    facts: dict[str, str] = {}
    clicks = set()
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if not value:
            continue
        parameter = _plain(name)
        if parameter in CLICK_IDS:
            clicks.add(parameter)
        elif (field := _FIELD_BY_PARAMETER.get(parameter)) is not None:
            facts.setdefault(field, unquote_plus(value))
    if clicks:
        facts["click_id"] = next(name for name in CLICK_IDS if name in clicks)
    return facts


def _plain(name: str) -> str:
    plain = name.lower().removeprefix("amp;")
    return plain.replace("%5f", "_") if "%" in plain else plain
