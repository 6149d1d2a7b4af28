"""The campaign that the visit came from, by its UTM parameters."""

from typing import Final
from urllib.parse import unquote_plus

from enricher.draft import Draft
from enricher.world import World

FIELDS: Final = ("source", "medium", "campaign", "term", "content")
_FIELD_BY_PARAMETER: Final = {f"utm_{field}": field for field in FIELDS}


def add_campaign(draft: Draft, _world: World) -> None:
    """`campaign`: what the client sent beside the url wins, each field for itself; absent when all are empty."""
    query = draft.page.query if draft.page is not None else ""
    facts = read(query) if "utm_" in query else {}
    if draft.raw.HasField("campaign"):
        sent = draft.raw.campaign
        facts |= {field: value for field in FIELDS if (value := getattr(sent, field))}
    if facts:
        campaign = draft.event.campaign
        for field, value in facts.items():
            setattr(campaign, field, value)


def read(query: str) -> dict[str, str]:
    """UTM values by field of Campaign, percent- and plus-decoded; empty ones are left out.

    The first of several equal parameters counts. Bytes that are no UTF-8 become U+FFFD.
    """
    facts: dict[str, str] = {}
    for pair in query.split("&"):
        parameter, _, value = pair.partition("=")
        field = _FIELD_BY_PARAMETER.get(parameter)
        if field is not None and value:
            facts.setdefault(field, unquote_plus(value))
    return facts
