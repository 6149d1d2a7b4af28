"""The examples of the product spec, word for word, over HTTP and back through the real stack."""

from collections import Counter

import pytest

from tests.pipeline.river import River, until

pytestmark = pytest.mark.stack

# The bodies stand here as the spec prints them, odd spaces inside the JSON strings included.
SINGLE = rb"""{
"website_id" : "cm5x9yz1a0001..." ,
"event_type" : "custom" ,
"event_name" : "signup_click" ,
"url" : "https://example.com/pricing" ,
"event_data" : "{ \" plan \" : \" pro \" }"
}"""

BATCH = rb"""[
{
"website_id" : "cm5x9yz1a0001..." ,
"event_type" : "custom" ,
"event_name" : "add_to_cart" ,
"event_data" : "{ \" product_id \" :123}"
},
{
"website_id" : "cm5x9yz1a0001..." ,
"event_type" : "custom" ,
"event_name" : "checkout_start" ,
"event_data" : "{ \" cart_value \" :149.99}"
}
]"""

WEBSITE = "cm5x9yz1a0001..."


async def test_single_and_batch_come_back_in_the_three_answers(river: River) -> None:
    single, batch = await river.post(SINGLE), await river.post(BATCH)
    assert (single.status_code, single.json()["accepted"]) == (202, 1)
    assert (batch.status_code, batch.json()["accepted"]) == (202, 2)
    counted = {"signup_click": 1, "add_to_cart": 1, "checkout_start": 1}
    await until(lambda: river.counts(WEBSITE), counted.__eq__)

    assert await river.properties(WEBSITE, "signup_click") == [
        {"property_key": " plan ", "values": [{"value": " pro ", "count": 1}]}
    ]
    assert await river.properties(WEBSITE, "add_to_cart") == [
        {"property_key": " product_id ", "values": [{"value": "123", "count": 1}]}
    ]
    assert await river.properties(WEBSITE, "checkout_start") == [
        {"property_key": " cart_value ", "values": [{"value": "149.99", "count": 1}]}
    ]
    series = await river.ask(WEBSITE, "timeseries", event_name="signup_click", granularity="day")
    assert series["granularity"] == "day"
    assert sum(point["count"] for point in series["series"]) == 1


# (event name, event_data), as the spec's section "Use Cases" tracks them.
USE_CASES: list[tuple[str, str]] = [
    ("product_viewed", '{"product_id":"widget-pro","price":99}'),
    ("add_to_cart", '{"product_id":"widget-pro","quantity":2}'),
    ("purchase", '{"order_id":"ord_123","total":198,"items":2}'),
    ("feature_used", '{"feature":"export","format":"csv"}'),
    ("setting_changed", '{"setting":"theme","value":"dark"}'),
    ("video_play", '{"video_id":"demo-2024","duration":0}'),
    ("video_complete", '{"video_id":"demo-2024","duration":120}'),
    ("file_download", '{"file":"whitepaper.pdf","size_mb":2.4}'),
    ("purchase", '{"plan":"pro","amount":49.99,"currency":"USD"}'),
    ("nested", '{"product":{"id":123,"name":"Widget"}}'),
]


async def test_the_use_cases_are_all_counted(river: River, website: str) -> None:
    events = [
        {"website_id": website, "event_type": "custom", "event_name": name, "event_data": data}
        for name, data in USE_CASES
    ]
    assert (await river.post(events)).json()["accepted"] == len(events)
    wanted = dict(Counter(name for name, _ in USE_CASES))
    await until(lambda: river.counts(website), wanted.__eq__)
    nested = await river.properties(website, "nested")
    assert {row["property_key"]: row["values"] for row in nested} == {
        "product.id": [{"value": "123", "count": 1}],
        "product.name": [{"value": "Widget", "count": 1}],
    }


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "event_name query parameter is required"),
        ({"event_name": " \t "}, "event_name must not be empty"),
        ({"event_name": "x" * 256}, "event_name must be 255 characters or fewer"),
    ],
)
@pytest.mark.parametrize("what", ["properties", "timeseries"])
async def test_the_three_messages_about_event_name(
    river: River, what: str, parameters: dict[str, str], message: str
) -> None:
    answer = await river.query_api.get(f"/api/websites/{WEBSITE}/events/{what}", params=parameters)
    assert answer.status_code == 400
    error = {"code": "validation_error", "message": message, "field": "event_name"}
    assert answer.json() == {"error": error}
