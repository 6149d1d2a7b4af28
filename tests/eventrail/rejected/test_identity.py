from typing import Any
from uuid import UUID

import pytest

from eventrail.contract.v1.enriched_pb2 import EventType
from eventrail.errors import ContractError
from eventrail.rejected.identity import Identity, identity, settled
from eventrail.rows.events import COLUMNS, day, row
from eventrail.rows.reading import SORT_KEY
from tests.eventrail.rejected.making import ID, NOON, enriched, raw


def test_it_is_the_sort_key_of_the_row() -> None:
    assert Identity._fields == SORT_KEY
    for fields in ({}, {"identity_day": -5}, {"identity_day": 70_000}):
        event = enriched(**fields)
        values = dict(zip(COLUMNS, row(event, 0, 0), strict=True))
        assert identity(event) == tuple(values[name] for name in SORT_KEY)


def test_of_a_raw_event_it_is_the_same() -> None:
    assert identity(raw()) == identity(enriched()) == ("shop", "purchase", day(NOON // 86_400_000), UUID(ID))


def test_a_page_view_has_no_name() -> None:
    view = {"event_type": EventType.EVENT_TYPE_PAGEVIEW, "event_name": ""}
    assert identity(raw(**view)).event_name == ""
    with pytest.raises(ContractError, match="event_name must be empty"):
        identity(raw(event_type=EventType.EVENT_TYPE_PAGEVIEW))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"website_id": ""}, "website_id must be 1 to 64 characters"),
        ({"website_id": "a b"}, "website_id must be"),
        ({"event_id": ""}, "event_id must be a UUID"),
        ({"event_id": ID.upper()}, "event_id must be a UUID in lower-case"),
        ({"event_name": ""}, "event_name must be 1 to 255"),
        ({"event_name": " a"}, "event_name must be"),
        ({"event_name": "a" * 256}, "event_name must be"),
        ({"website_id": "", "event_id": "x"}, "website_id must be .*; event_id must be"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ContractError, match=said) as raised:
        identity(raw(**fields))
    assert raised.value.rule


@pytest.mark.parametrize(
    ("fields", "open_to_change"),
    [
        ({}, set()),
        ({"website_id": "", "event_id": "x"}, {"website_id", "event_id"}),
        ({"identity_day": 0}, {"identity_day"}),
        ({"identity_day": 65_536}, {"identity_day"}),
        ({"event_name": ""}, {"event_name"}),
        ({"event_type": EventType.EVENT_TYPE_UNSPECIFIED}, {"event_name"}),
        ({"event_type": EventType.EVENT_TYPE_PAGEVIEW, "event_name": ""}, {"event_name"}),
    ],
)
def test_only_what_is_empty_or_malformed_may_change(fields: dict[str, Any], open_to_change: set[str]) -> None:
    assert set(SORT_KEY) - set(settled(raw(**fields))) == open_to_change
