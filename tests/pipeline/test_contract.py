"""What the services publish keeps the public contract, as `contract verify` judges it."""

from typing import Any

import pytest

from tests.eventrail.conformance.live import judged
from tests.pipeline.river import River, until

pytestmark = pytest.mark.stack

MEMBERS: tuple[dict[str, Any], ...] = (
    {"event_name": "purchase", "event_data": {"plan": "pro", "amount": 49.99}, "visitor_id": "customer-42"},
    {"event_name": "purchase", "visitor_id": "customer-42", "url": "https://shop.example/?utm_source=news"},
    {"event_type": "pageview", "url": "https://shop.example/cart", "language": "de", "screen": "1920x1080"},
    {"event_name": "ütf-8 ✓", "event_data": {"text": "ä" * 500, "deep": [{"a": None}]}},
)


async def test_the_enriched_topic_keeps_it(river: River, website: str) -> None:
    answer = await river.post(
        [{"website_id": website, "event_type": "custom", **member} for member in MEMBERS]
    )
    assert answer.status_code == 202, answer.text
    await until(lambda: river.counts(website), {"purchase": 2, "ütf-8 ✓": 1}.__eq__)
    findings = await judged(river.kafka, website)
    assert findings.examples == {}
    assert findings.records == len(MEMBERS)
