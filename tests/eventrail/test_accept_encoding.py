import pytest

from eventrail.accept_encoding import takes


@pytest.mark.parametrize(
    ("accept_encoding", "taken"),
    [
        ("gzip", True),
        ("br, gzip", True),
        ("GZIP;q=0.5 , br", True),
        ("gzip ; q=0.001", True),
        ("*", True),
        ("br;q=1, *;q=0.1", True),
        ("gzip;q=1;x=0", True),
        ("", False),
        ("br", False),
        ("gzipped", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
        ("gzip;q=much", False),
        ("gzip;q=", False),
        (", ;;, =", False),
    ],
)
def test_a_coding_is_taken_as_the_header_says(accept_encoding: str, taken: bool) -> None:
    assert takes(accept_encoding, "gzip") is taken
