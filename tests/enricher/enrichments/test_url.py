import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.enrichments.url import MAX_CHARACTERS, UrlParts, _split_any, split

HTTPS = "https"


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://example.com/pricing", (HTTPS, "example.com", "example.com", "/pricing", "")),
        ("HTTPS://Example.COM:8443/A/b?Q=1#frag", (HTTPS, "Example.COM:8443", "example.com", "/A/b", "Q=1")),
        ("https://example.com", (HTTPS, "example.com", "example.com", "/", "")),
        ("https://example.com?a=b", (HTTPS, "example.com", "example.com", "/", "a=b")),
        ("https://example.com#a?b", (HTTPS, "example.com", "example.com", "/", "")),
        ("https://example.com:/x", (HTTPS, "example.com:", "example.com", "/x", "")),
        ("https://me:pa@ss@Example.com/x", (HTTPS, "me:pa@ss@Example.com", "example.com", "/x", "")),
        ("https://example.com/a?b?c=/d", (HTTPS, "example.com", "example.com", "/a", "b?c=/d")),
        ("https://example.com/a b", (HTTPS, "example.com", "example.com", "/a b", "")),
        ("https://example.com//a//b", (HTTPS, "example.com", "example.com", "//a//b", "")),
        ("https://münchen.example/ü?ü", (HTTPS, "münchen.example", "xn--mnchen-3ya.example", "/ü", "ü")),
        ("https://MÜNCHEN.example/", (HTTPS, "MÜNCHEN.example", "xn--mnchen-3ya.example", "/", "")),
        ("https://faß.example/", (HTTPS, "faß.example", "xn--fa-hia.example", "/", "")),
        (
            "https://\uff26\uff35\uff2c\uff2c。example/",
            (HTTPS, "\uff26\uff35\uff2c\uff2c。example", "full.example", "/", ""),
        ),
        ("https://i❤.example/", (HTTPS, "i❤.example", "xn--i-7iq.example", "/", "")),
        ("https://例え.テスト:81/", (HTTPS, "例え.テスト:81", "xn--r8jz45g.xn--zckzah", "/", "")),
        ("https://a\u00adb.example/", (HTTPS, "a\u00adb.example", "ab.example", "/", "")),
        (
            "https://XN--MNCHEN-3YA.example",
            (HTTPS, "XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example", "/", ""),
        ),
        ("https://example.com.:443/", (HTTPS, "example.com.:443", "example.com", "/", "")),
        ("https://münchen.example./", (HTTPS, "münchen.example.", "xn--mnchen-3ya.example", "/", "")),
        ("https://192.0.2.7:81/", (HTTPS, "192.0.2.7:81", "192.0.2.7", "/", "")),
        ("https://[2001:db8:0:0:0:0:0:1]/", (HTTPS, "[2001:db8:0:0:0:0:0:1]", "[2001:db8::1]", "/", "")),
        ("https://under_score.example/", (HTTPS, "under_score.example", "under_score.example", "/", "")),
        ("capacitor://localhost/x", ("capacitor", "localhost", "localhost", "/x", "")),
        ("https://[2001:DB8::1]:443/x", (HTTPS, "[2001:DB8::1]:443", "[2001:db8::1]", "/x", "")),
        ("//cdn.example.com/x", ("", "cdn.example.com", "cdn.example.com", "/x", "")),
        ("/pricing?plan=pro", ("", None, "", "/pricing", "plan=pro")),
        ("/", ("", None, "", "/", "")),
        ("?a=b", ("", None, "", "/", "a=b")),
        ("#top", ("", None, "", "/", "")),
        ("file:///C:/x.html", ("file", "", "", "/C:/x.html", "")),
        ("app:/home", ("app", None, "", "/home", "")),
        ("android-app://com.example.App/", ("android-app", "com.example.App", "com.example.app", "/", "")),
    ],
)
def test_urls_come_apart(url: str, parts: tuple[str, str | None, str, str, str]) -> None:
    assert split(url) == UrlParts(*parts)


HOSTILE = [
    "",
    "pricing",
    "example.com/pricing",
    "localhost:3000/x",
    "mailto:a@example.com",
    "about:blank",
    "javascript:alert(1)",
    "data:text/html,<b>",
    "http://",
    "http:///x",
    "https://:443/x",
    "https://user@/x",
    "http:/x y",
    "http://[::1",
    "http://::1]/x",
    "http://[::1]x/",
    "http://[fe80::1%25eth0]/",
    "http://[example.com]/",
    "http://[::::]/",
    "http://[1.2.3.4]/",
    "http://./",
    "http://\uff0e/",
    "http://\u200b/",
    "http://\uff0541.example/",
    "http://\uff0fevil.example/",
    "http://a\uff20b.example/",
    "http://\u2028.example/",
    "http://" + "ü" * 64 + ".example/",
    "http://" + "ü." * 200 + "example/",
    "http://\ufffd.example/",
    "http://a[b/",
    "http://example.com:99999/",
    "http://example.com:65536/",
    "http://example.com:123456/",
    "http://example.com:-1/",
    "http://example.com:8o/",
    "http://example.com:\u0661/",  # a digit, but none of a port
    "http://a:1:2/",
    "http://exa mple.com/",
    "http://example.com\\@evil.example/",
    "http://exa%00mple.com/",
    "http://<script>/",
    "http://example.com/\0",
    "http://example.com/a\nb",
    "http://example.com/?\x1f",
    "http://example.com/#\x7f",
    "http://exam\tple.com/",
    " http://example.com/",
    "1http://example.com/",
    "https://example.com/" + "x" * MAX_CHARACTERS,
    "x" * 100_000,
    "https://" + "@" * 100_000,
]


@pytest.mark.parametrize("url", HOSTILE, ids=lambda url: repr(url[:40]))
def test_what_is_no_url_has_no_parts(url: str) -> None:
    assert split(url) is None


def test_the_longest_url_is_taken() -> None:
    url = "https://example.com/" + "x" * (MAX_CHARACTERS - 20)
    assert len(url) == MAX_CHARACTERS
    parts = split(url)
    assert parts is not None
    assert len(parts.path) == MAX_CHARACTERS - 19


@pytest.mark.parametrize("piece", ["@", "[", ":", "/", "?", "#", "%", "a@[", "a:", "//", "://", "]["])
def test_no_text_takes_long(piece: str) -> None:
    start = time.process_time()
    for prefix in ("", "https://", "//", "a:"):
        split((prefix + piece * MAX_CHARACTERS)[:MAX_CHARACTERS])
    assert time.process_time() - start < 0.05


@given(
    st.text("htps:/?#@[].%\\ aZ0é\n", max_size=60)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=80).map(lambda host: f"https://{host}/")
)
def test_any_text_keeps_the_promises_of_the_contract(url: str) -> None:
    parts = split(url)
    if parts is not None:
        assert parts.path.startswith("/")
        assert parts.host == parts.host.lower()
        assert not set(parts.host) & set("@/?# \n")
        assert parts.host.isascii()
        assert not parts.host.endswith(".")
        assert parts.query in url


@given(
    st.sampled_from(["https://", "http://", "HTTPS://", "//"]),
    st.text("ab-.0:@_\u00fc", max_size=8),
    st.sampled_from(["", "/", "/a/b", "/a b", "/\u00fc", "/\x80", "/\u2028", "/a\n", "\\x", "//a/b"]),
    st.sampled_from(["", "?", "?a=b&c", "?a?b", "?/a", "?\x7f", "#f", "?a#f"]),
)
def test_the_short_way_for_usual_urls_says_the_same(scheme: str, host: str, path: str, query: str) -> None:
    url = scheme + host + path + query
    assert split(url) == _split_any(url)
