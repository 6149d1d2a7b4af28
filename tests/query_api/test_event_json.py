"""Events as JSON text."""

import json
from datetime import date

from query_api import event_json
from query_api.facts import FACTS, Fact, Kind


def of(kind: Kind, value: object) -> str:
    (text,) = event_json.objects([Fact('a"b', kind, "", (), "")], [(value, "not looked at")])
    assert text.startswith('{"a\\"b":')
    return text[len('{"a\\"b":') : -1]


def test_each_kind_of_value() -> None:
    assert of(Kind.TEXT, "é\n\u2028\0") == '"é\\n\\u2028\\u0000"'
    assert of(Kind.TEXT, "") == "null"
    assert of(Kind.INSTANT, 1_772_668_800_007) == '"2026-03-05T00:00:00.007Z"'
    assert of(Kind.INSTANT, 0) == "null"
    assert of(Kind.DAY, date(2026, 3, 5)) == '"2026-03-05"'
    assert (of(Kind.FLAG, True), of(Kind.FLAG, False)) == ("true", "false")
    assert of(Kind.JSON, "") == "null"


def test_properties_stay_the_text_that_was_sent_but_for_line_breaks() -> None:
    sent = '{\r\n "n": 1.50, "n": 2e400, "s": "a\\nb"}'
    assert of(Kind.JSON, sent) == '{   "n": 1.50, "n": 2e400, "s": "a\\nb"}'


def test_facts_have_the_order_of_their_list() -> None:
    facts = list(FACTS.values())
    values = [
        {Kind.INSTANT: 5, Kind.FLAG: True, Kind.DAY: date(2026, 3, 5)}.get(one.kind, "") for one in facts
    ]
    (text,) = event_json.objects(facts, [values])
    assert list(json.loads(text)) == list(FACTS)
