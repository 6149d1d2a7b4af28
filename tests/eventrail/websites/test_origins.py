import pytest

from eventrail.websites import origins


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("https://shop.example", "https://shop.example"),
        ("HTTPS://Shop.Example:443", "https://shop.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://*.münchen.example", "https://*.xn--mnchen-3ya.example"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("null", "null"),
    ],
)
def test_one_form(text: str, form: str) -> None:
    assert origins.canonical(text) == form


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "*",
        "shop.example",
        "https://",
        "https://shop.example/",
        "https://shop.example/path",
        "https://a.*.example",
        "https://*",
        "https://*.",
        "https://shop.example:0",
        "https://shop.example:99999",
        "https://me@shop.example",
        "https://shop.example\n",
    ],
)
def test_what_is_no_origin(wrong: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        origins.canonical(wrong)


ALLOWED = ("https://shop.example", "https://*.shop.example", "http://*.dev.example:3000")


@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example",
        "HTTPS://SHOP.example",
        "https://www.shop.example",
        "https://a.b.shop.example",
        "http://x.dev.example:3000",
    ],
)
def test_what_fits(origin: str) -> None:
    assert origins.fits(origin, ALLOWED)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://shop.example",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "https://.shop.example",
        "https://evil.example/.shop.example",
        "https://evil.example#.shop.example",
        "https://evil@x.shop.example",
        "https://evil.example:1.shop.example",
        "https://a..shop.example",
        "https://shop.example:8443",
        "http://dev.example:3000",
        "http://x.dev.example",
        "https://shop.example, https://evil.example",
        "https://a.shop.example\r\nx: y.shop.example",
    ],
)
def test_what_does_not_fit(origin: str) -> None:
    assert not origins.fits(origin, ALLOWED)
