import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.lookups.sites import KINDS, Sites, kind_of_domain, kind_of_source, known_sites, parse
from eventrail.errors import ConfigurationError

TABLE = """# a comment

search\tGoogle\t=google.* news.google.com\tgoogle,google ads
email\tGmail\tmail.google.com\tgmail
social\tFacebook\tfacebook.com fb.com\tfacebook,fb
shopping\tAmazon\tamazon.*\t
"""


@pytest.fixture(scope="module")
def sites() -> Sites:
    return Sites(parse(TABLE))


@pytest.mark.parametrize(
    ("domain", "kind"),
    [
        ("google.com", "search"),
        ("google.de", "search"),
        ("google.co.uk", "search"),
        ("google.com.au", "search"),
        ("news.google.com", "search"),
        ("x.news.google.com", "search"),
        ("mail.google.com", "email"),
        ("docs.google.com", ""),
        ("docs.google.co.uk", ""),
        ("google.com.evil.example", ""),
        ("google.evil.example", ""),
        ("google", ""),
        ("notgoogle.com", ""),
        ("facebook.com", "social"),
        ("l.facebook.com", "social"),
        ("a.b.facebook.com", "social"),
        ("facebook.de", ""),
        ("notfacebook.com", ""),
        ("facebook.com.evil.example", ""),
        ("amazon.de", "shopping"),
        ("smile.amazon.co.jp", "shopping"),
        ("amazon.s3.example", ""),
        ("co.uk", ""),
        ("com", ""),
        ("", ""),
        (".", ""),
        ("...", ""),
        ("[2001:db8::1]", ""),
        ("192.0.2.7", ""),
        ("a." * 1000, ""),
    ],
)
def test_domains(sites: Sites, domain: str, kind: str) -> None:
    assert sites.of_domain(domain) == kind


@pytest.mark.parametrize(
    ("source", "kind"),
    [("google", "search"), ("google ads", "search"), ("fb", "social"), ("google.com", "search"),
     ("www.google.de", "search"), ("m.facebook.com", "social"), ("amazon", ""), ("", ""), ("news", "")],
)  # fmt: skip
def test_sources(sites: Sites, source: str, kind: str) -> None:
    assert sites.of_source(source) == kind


@pytest.mark.parametrize(
    "line", ["search\tGoogle\tgoogle.com", "find\tGoogle\tgoogle.com\t", "search Google", "\t\t\t"]
)
def test_a_broken_line_is_named(line: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sites\.tsv line 7: needs kind"):
        list(parse(TABLE + line + "\n"))


@pytest.mark.parametrize(
    "line", ["video\tX\tfacebook.com\t", "video\tX\t=google.*\t", "video\tX\tx.example\tfb"]
)
def test_a_contradiction_is_refused(line: str) -> None:
    with pytest.raises(ConfigurationError, match="it can be one of them only"):
        Sites(parse(TABLE + line))


def test_the_table_that_comes_along_is_in_the_form_it_describes() -> None:
    text = "".join(f"{line}\n" for line in _shipped().splitlines() if not line.startswith("#"))
    sites = list(parse(text))
    assert len(sites) > 150
    assert {site.kind for site in sites} == set(KINDS)
    assert len({(site.kind, site.name) for site in sites}) == len(sites)
    for site in sites:
        assert site.name == site.name.strip() != ""
        assert site.domains or site.sources
        for domain in site.domains:
            bare = domain.removeprefix("=").removesuffix(".*")
            assert re.fullmatch(r"(?!www\.)[a-z0-9-]+(\.[a-z0-9-]+)*", bare), domain
            name = bare + ".com" if domain.endswith(".*") else bare
            assert kind_of_domain(name) == site.kind, domain
        for source in site.sources:
            assert source == source.strip().lower() != "", source
            assert kind_of_source(source) == site.kind, source


def _shipped() -> str:
    from importlib.resources import files

    return files("enricher.lookups").joinpath("sites.tsv").read_text("utf-8")


def test_the_table_is_read_once() -> None:
    assert known_sites() is known_sites()


@given(st.text("google.comfbwuk*=-", max_size=80) | st.text(max_size=80))
def test_any_text_has_a_kind_or_none(text: str) -> None:
    assert kind_of_domain(text) in {*KINDS, ""}
    assert kind_of_source(text) in {*KINDS, ""}
