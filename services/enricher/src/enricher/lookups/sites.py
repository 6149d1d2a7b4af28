"""What sort of site somebody came from: search engine, social network, …, by sites.tsv beside this file."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

from eventrail.errors import ConfigurationError

KINDS: Final = ("search", "social", "video", "shopping", "email", "ai", "display")

_COLUMNS: Final = 4
_SECOND_LEVEL: Final = frozenset({"ac", "co", "com", "edu", "gov", "ne", "net", "or", "org"})
"""Labels under which countries give out names, as in co.uk; a country's label has two letters."""


class Site(NamedTuple):
    """One line of the table. The forms of `domains` and `sources` are described at the top of sites.tsv."""

    kind: str
    name: str
    domains: tuple[str, ...]
    sources: tuple[str, ...]


class Sites:
    """The table, looked up by domain or by utm_source. Raises ConfigurationError where lines contradict each other."""

    def __init__(self, sites: Iterable[Site]) -> None:
        self._exact: dict[str, str] = {}
        self._below: dict[str, str] = {}
        self._sources: dict[str, str] = {}
        for site in sites:
            for domain in site.domains:
                table = self._exact if domain.startswith("=") else self._below
                _put(table, domain.removeprefix("="), site.kind)
            for source in site.sources:
                _put(self._sources, source, site.kind)

    def of_domain(self, domain: str) -> str:
        """Kind of the site with this host name (lower case, punycode, no port); "" where it is not known."""
        found = self._of_name(domain, exactly=True)
        while not found and "." in domain:
            domain = domain.partition(".")[2]
            found = self._of_name(domain, exactly=False)
        return found

    def of_source(self, source: str) -> str:
        """Kind of the site that a utm_source (lower case) names, by name or as a host name."""
        return self._sources.get(source) or self.of_domain(source.removeprefix("www."))

    def _of_name(self, name: str, *, exactly: bool) -> str:
        found = self._below.get(name) or (self._exact.get(name) if exactly else None)
        if found:
            return found
        label = _before_country(name)
        if not label:
            return ""
        pattern = f"{label}.*"
        return self._below.get(pattern) or (self._exact.get(pattern) if exactly else None) or ""


def _put(table: dict[str, str], name: str, kind: str) -> None:
    if table.setdefault(name, kind) != kind:
        raise ConfigurationError(
            f"sites.tsv: {name!r} is {table[name]} and {kind}; it can be one of them only"
        )


def _before_country(name: str) -> str:
    """What stands before a top-level domain, or before a second level of a country: google of google.co.uk."""
    first, _, last = name.rpartition(".")
    before, _, second = first.rpartition(".")
    return before if before and len(last) == 2 and second in _SECOND_LEVEL else first


def parse(text: str) -> Iterator[Site]:
    """The lines of sites.tsv. Raises ConfigurationError with the number of a line that breaks its form."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        columns = line.split("\t")
        if len(columns) != _COLUMNS or columns[0] not in KINDS:
            raise ConfigurationError(
                f"sites.tsv line {number}: needs kind ({', '.join(KINDS)}), name, domains and sources, tab between"
            )
        kind, name, domains, sources = columns
        yield Site(kind, name, tuple(domains.split()), tuple(filter(None, sources.split(","))))


@lru_cache(maxsize=1)
def known_sites() -> Sites:
    """The table that comes with the enricher."""
    return Sites(parse(files("enricher.lookups").joinpath("sites.tsv").read_text("utf-8")))


@lru_cache(maxsize=4096)
def kind_of_domain(domain: str) -> str:
    """`Sites.of_domain` of the known sites."""
    return known_sites().of_domain(domain)


@lru_cache(maxsize=4096)
def kind_of_source(source: str) -> str:
    """`Sites.of_source` of the known sites."""
    return known_sites().of_source(source)
