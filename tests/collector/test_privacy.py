import pytest

from collector import privacy


@pytest.mark.parametrize(
    ("name", "value", "asked"),
    [
        (b"dnt", b"1", True),
        (b"sec-gpc", b" 1 ", True),
        (b"dnt", b"0", False),
        (b"dnt", b"", False),
        (b"dnt", b"null", False),
        (b"sec-gpc", b"?1", False),
        (b"x-dnt", b"1", False),
    ],
)
def test_signals(name: bytes, value: bytes, asked: bool) -> None:
    assert privacy.is_signal(name, value) is asked


def test_only_honor_honors() -> None:
    assert privacy.honors("honor")
    assert not privacy.honors("ignore")
