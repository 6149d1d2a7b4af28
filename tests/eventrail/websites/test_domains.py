import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.websites import domains


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("shop.example", "shop.example"),
        ("Shop.EXAMPLE.", "shop.example"),
        ("MÜNCHEN.example", "xn--mnchen-3ya.example"),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ("localhost", "localhost"),
        ("192.0.2.7", "192.0.2.7"),
        ("1.example", "1.example"),
    ],
)
def test_one_form(given_name: str, name: str) -> None:
    assert domains.canonical(given_name) == name


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        " shop.example",
        "https://shop.example",
        "shop.example/x",
        "shop.example:80",
        "*.shop.example",
        "a..b",
        "-a.example",
        "a_b.example",
        "☃.example",
        "a" * 64 + ".example",
        "a." * 127 + "example",
        "1.2.3",
        "300.1.1.1",
        "me@shop.example",
        "\0.example",
    ],
)
def test_what_is_no_host_name(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"must be a host name|is no host name|is neither"):
        domains.canonical(wrong)


@given(st.text(max_size=40))
def test_the_form_is_stable_and_nothing_else_is_raised(text: str) -> None:
    try:
        name = domains.canonical(text)
    except ValueError:
        return
    assert domains.canonical(name) == name
    assert name.isascii()
    assert name == name.lower()
