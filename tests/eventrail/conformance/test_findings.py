from eventrail.conformance.findings import EXAMPLES, Findings, Place, TopicRule


def test_all_are_counted_and_the_first_are_remembered() -> None:
    findings = Findings()
    for offset in range(EXAMPLES + 4):
        findings.add(TopicRule.ORDER, Place(2, offset), f"what {offset}")
    assert findings.broken == {TopicRule.ORDER: EXAMPLES + 4}
    assert [str(place) for place, _ in findings.examples[TopicRule.ORDER]] == ["2:0", "2:1", "2:2"]
    assert findings.examples[TopicRule.ORDER][0].what == "what 0"
