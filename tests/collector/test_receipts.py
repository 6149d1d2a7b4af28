import json

from collector.receipts import Receipt, encode, message, nothing_accepted, rejection, whole
from collector.refusals import Refused, invalid


def test_a_message_says_where() -> None:
    assert message(invalid("is bad", "url"), "[3]") == "[3].url: is bad"
    assert message(invalid("is bad", "url"), "") == "url: is bad"
    assert message(invalid("is bad"), "[3]") == "[3]: is bad"
    assert message(invalid("is bad"), "") == "is bad"
    unknown = Refused("not_found", "Unknown website_id: x", "website_id", names_field=True)
    assert message(unknown, "") == "Unknown website_id: x"
    assert message(unknown, "[3]") == "[3]: Unknown website_id: x"


def test_a_receipt_leaves_out_what_is_empty() -> None:
    assert json.loads(
        encode(Receipt(ok=True, accepted=1, event_ids=["x"], durability="broker", token="t"))
    ) == {
        "ok": True,
        "accepted": 1,
        "event_ids": ["x"],
        "durability": "broker",
        "token": "t",
        "rejected": [],
    }


def test_where_nothing_is_accepted_the_first_refusal_gives_the_status() -> None:
    rejected = [rejection(0, Refused("payload_too_large", "big", "event_data"), "[0]")]
    rejected.append(rejection(1, Refused("unavailable", "away"), "[1]"))
    kind, body = nothing_accepted(rejected, ["x"], [])
    assert kind.status == 400
    assert json.loads(body) == {
        "error": {"code": "payload_too_large", "message": "[0].event_data: big", "field": "event_data"},
        "rejected": [
            {
                "index": 0,
                "code": "payload_too_large",
                "message": "[0].event_data: big",
                "field": "event_data",
                "retry": False,
            },
            {"index": 1, "code": "unavailable", "message": "[1]: away", "field": None, "retry": True},
        ],
        "event_ids": ["x"],
    }


def test_a_refusal_of_the_whole_has_the_same_shape() -> None:
    assert json.loads(whole(Refused("invalid_json", "m"))) == {
        "error": {"code": "invalid_json", "message": "m", "field": None},
        "rejected": [],
    }
