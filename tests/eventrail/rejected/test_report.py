import json

from eventrail.rejected.entry import Address
from eventrail.rejected.plan import Planned, Refusal, Refused, plan
from eventrail.rejected.report import SHOWN, Report
from eventrail.rejected.trace import Place
from tests.eventrail.rejected.making import ID, by_writer, enriched, record

[PLANNED] = plan(record(by_writer(enriched()), 2, 7), None)
assert isinstance(PLANNED, Planned)
REFUSED = Refused(Address(2, 8), Refusal.STORED, "the event is in the table", "shop\x1b", ID)


def test_for_people() -> None:
    lines: list[str] = []
    report = Report(lines.append, as_json=False, dry_run=False)
    assert not report.has_told
    report.tell(PLANNED, Place(3, 77))
    report.tell(REFUSED, None)
    assert lines == [
        f"replayed 2:7 (writer insert_refused) shop {ID} -> eventrail.enriched.v1 3:77",
        rf"refused 2:8 shop\x1b {ID} already_stored: the event is in the table",
    ]
    assert list(report.sums()) == ["replayed: 1", "refused: 1", "          1  already_stored"]


def test_a_dry_run_says_would() -> None:
    lines: list[str] = []
    report = Report(lines.append, as_json=False, dry_run=True)
    report.tell(PLANNED, None)
    assert lines == [f"would replay 2:7 (writer insert_refused) shop {ID} -> eventrail.enriched.v1"]
    assert next(iter(report.sums())) == "would be replayed: 1"


def test_many_lines_are_cut_for_people_and_told_as_json() -> None:
    lines: list[str] = []
    report = Report(lines.append, as_json=False, dry_run=False)
    for _ in range(SHOWN + 5):
        report.tell(REFUSED, None)
    assert len(lines) == SHOWN + 1
    assert "counted only" in lines[-1]
    assert list(report.sums())[1] == f"refused: {SHOWN + 5}"

    lines.clear()
    report = Report(lines.append, as_json=True, dry_run=False)
    for _ in range(SHOWN + 5):
        report.tell(REFUSED, None)
    report.tell(PLANNED, Place(3, 77))
    assert len(lines) == SHOWN + 6
    assert json.loads(lines[0])["why"] == "already_stored"
    told = json.loads(lines[-1])
    assert (told["outcome"], told["partition"], told["offset"]) == ("replayed", 3, 77)
