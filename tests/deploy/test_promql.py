"""The judge of expressions says no to what cannot work."""

import pytest

from tests.deploy.families import Family
from tests.deploy.promql import complaints

FAMILIES = {
    "a_total": Family("a_total", "counter", ("code",), "."),
    "b_seconds_bucket": Family("b_seconds", "histogram", (), "."),
}
VALUES = {"code": frozenset({"x", "y"})}


@pytest.mark.parametrize(
    "good",
    [
        "a_total",
        'rate(a_total{code="x",job="eventrail"}[5m]) > 0',
        'sum by (code) (increase(a_total{code=~"x|y"}[1h]))',
        "histogram_quantile(0.99, sum by (le) (rate(b_seconds_bucket[5m])))",
        "a_total / on (code) a_total",
    ],
)
def test_good(good: str) -> None:
    assert complaints(good, FAMILIES, VALUES) == []


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ("sum(rate(c_total[5m]))", "no metric c_total"),
        ("rate(b_seconds[5m])", "no metric b_seconds"),
        ('a_total{status="x"}', "a_total has no label status"),
        ('increase(a_total{code="z"}[5m])', "code is never 'z'"),
        ('a_total{code=~"x|z"}', "code is never 'z'"),
        ("a_total{le='1'}", "a_total has no label le"),
        ("sum by (reason) (rate(a_total[5m]))", "has a label reason"),
        ("max(a_total) / on (reason) a_total", "has a label reason"),
    ],
)
def test_bad(bad: str, complaint: str) -> None:
    assert complaint in "; ".join(complaints(bad, FAMILIES, VALUES))


@pytest.mark.parametrize("nonsense", ["sum(", "rate(a_total)", "a_total >"])
def test_nonsense(nonsense: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        complaints(nonsense, FAMILIES, VALUES)
