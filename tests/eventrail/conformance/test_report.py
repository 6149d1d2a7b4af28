import json

from eventrail.checkpoints import Span
from eventrail.conformance.findings import RULES, Findings, Place, TopicRule
from eventrail.conformance.report import as_json, lines

SPANS = {0: Span(5, 12), 1: Span(0, 0)}


def test_a_contract_that_is_kept() -> None:
    told = list(lines("t at b:1", SPANS, Findings(records=7)))
    assert told[:2] == ["t at b:1: 7 records of 2 partitions", "  0: 5 to 11, 1: nothing"]
    assert [line.split()[:2] for line in told[2:-1]] == [["kept", str(rule)] for rule in RULES]
    assert told[-1] == "the contract is kept"


def test_what_is_broken_and_what_is_good_to_know() -> None:
    findings = Findings(records=7_000, copies_of_enricher=1_200, other_types=2, not_judged=3)
    for offset in range(1_100):
        findings.add(TopicRule.ORDER, Place(0, offset), "it is late")
    told = "\n".join(lines("t at b:1", SPANS, findings))
    assert (
        "BROKEN order      events of a visitor stand in the order of the raw topic: 1,100 records\n" in told
    )
    assert "         0:0  it is late\n         0:1  it is late\n         0:2  it is late\n" in told
    assert "copies, which subscribers drop: 1,200 of the enricher, 0 of clients" in told
    assert "records of other types, which subscribers pass over: 2" in told
    assert "events whose order cannot be told without the records before these: 3" in told
    assert told.endswith("1 of 8 rules are broken; docs/subscribe.md has them")


def test_the_same_for_programs() -> None:
    findings = Findings(records=7, copies_of_clients=1)
    findings.add(TopicRule.COPIES, Place(0, 6), "it differs")
    told = json.loads(json.dumps(as_json("t", SPANS, findings)))
    assert told["partitions"] == {"0": [5, 12], "1": [0, 0]}
    assert told["rules"].keys() == set(RULES)
    assert told["rules"]["copies"] == {"broken": 1, "examples": [{"at": "0:6", "what": "it differs"}]}
    assert told["rules"]["order"] == {"broken": 0, "examples": []}
    assert (told["records"], told["copies_of_clients"]) == (7, 1)
