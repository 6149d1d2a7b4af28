from hypothesis import given
from hypothesis import strategies as st

from eventrail.rejected.counting import MOST_VALUES, OTHERS, Counts
from tests.eventrail.rejected.making import NOON, by_enricher, by_writer, enriched, raw, record

HOUR = 3_600_000


def test_counts_by_everything() -> None:
    counts = Counts()
    counts.add(record(by_enricher(raw(), rejected_at_ms=NOON - HOUR)))
    counts.add(record(by_enricher(raw(website_id="blog"))))
    counts.add(record(by_writer(enriched(), software_version="0.2.0")))
    counts.add(record(b"\xff\xff"))
    assert counts.as_json() == {
        "total": 4,
        "first": "2026-05-29T11:00:00.000Z",
        "last": "2026-05-29T12:00:00.010Z",
        "by_stage": {"enricher": 2, "writer": 1, "unreadable": 1},
        "by_reason": {"invalid": 2, "insert_refused": 1, "": 1},
        "by_website": {"shop": 2, "blog": 1, "": 1},
        "by_software_version": {"0.1.0": 2, "0.2.0": 1, "": 1},
        "by_hour": {"2026-05-29T11:00:00.000Z": 1, "2026-05-29T12:00:00.000Z": 3},
    }
    lines = list(counts.lines())
    assert lines[:3] == [
        "rejected: 4",
        "first: 2026-05-29T11:00:00.000Z",
        "last:  2026-05-29T12:00:00.010Z",
    ]
    assert "          2  enricher" in lines


def test_nothing_rejected() -> None:
    assert list(Counts().lines()) == ["rejected: 0"]
    assert Counts().as_json()["first"] is None


def test_memory_is_bounded_and_the_sum_is_right() -> None:
    counts = Counts()
    for number in range(MOST_VALUES + 50):
        counts.add(record(by_enricher(raw(website_id=f"w{number}"))))
    websites = counts.as_json()["by_website"]
    assert len(websites) == MOST_VALUES + 1
    assert websites[OTHERS] == 50
    assert any("981 more; --json tells all" in line for line in counts.lines())


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "\x1b"]), st.integers(0, 9_999_999)), max_size=20))
def test_each_kind_of_counts_has_the_same_sum(found: list[tuple[str, int]]) -> None:
    counts = Counts()
    for website, after_ms in found:
        counts.add(record(by_enricher(raw(website_id=website), rejected_at_ms=NOON + after_ms)))
    told = counts.as_json()
    for kind in ("stage", "reason", "website", "software_version", "hour"):
        assert sum(told[f"by_{kind}"].values()) == told["total"] == len(found)
    assert all(line.isprintable() for line in counts.lines())
