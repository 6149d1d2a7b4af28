from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType

RECEIVED_AT_MS = 1_793_980_800_000


@pytest.fixture
def event() -> Callable[..., EnrichedEvent]:
    """Makes a valid event with an id of its own; keyword arguments replace fields."""
    numbers = count()

    def make(**fields: Any) -> EnrichedEvent:
        values: dict[str, Any] = {
            "website_id": "shop",
            "event_id": str(uuid4()),
            "event_type": EventType.EVENT_TYPE_CUSTOM,
            "event_name": "purchase",
            "timestamp_ms": RECEIVED_AT_MS - 1000,
            "received_at_ms": RECEIVED_AT_MS,
            "identity_day": 20_763,
            "event_data": f'{{"number":{next(numbers)},"plan":"pro"}}',
            "visitor_id": "v1",
        }
        return EnrichedEvent(**(values | fields))

    return make
