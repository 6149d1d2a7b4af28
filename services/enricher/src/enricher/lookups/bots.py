"""Who is no person with a browser: crawlers, headless browsers and HTTP libraries, by what they say they are.

Known names stand in bots.tsv, whole words as their makers document them; three more rules know the shapes in which
unknown ones name themselves: a name that ends in "bot" and the like, "compatible; NAME", and the address of a page
about themselves. Precision comes first, because answers leave crawlers out: names that people's phones and apps also
carry count only as the first word, and programs that nobody knows are no bots. A crawler wins over a headless browser,
which wins over a library: a crawler is often built from the others.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from eventrail.contract.v1.enriched_pb2 import (
    BOT_KIND_CRAWLER,
    BOT_KIND_HEADLESS,
    BOT_KIND_LIBRARY,
    Bot,
    BotKind,
)

MAX_NAME: Final = 64
"""Characters of a name that a client made up itself."""

KINDS: Final[Mapping[str, BotKind.ValueType]] = {
    "crawler": BOT_KIND_CRAWLER,
    "headless": BOT_KIND_HEADLESS,
    "library": BOT_KIND_LIBRARY,
}

_RANKS: Final = tuple((kind, where) for kind in KINDS for where in ("any", "first"))

# Where a word of the lower-cased string begins and ends. A known name is a whole word: "my-curl" is not curl.
_WORD: Final = re.compile(r"(?<![\w.-])[a-z0-9]+")
_END: Final = re.compile(r"(?![\w-]|\.[a-z])")

# A name, or a part of one, that ends so: Googlebot, SemrushBot-SA, archive.org_bot, Sogou web spider.
_CALLED_BOT: Final = re.compile(r"(?:bots?|spider|crawl(?:er)?|scraper|fetcher)(?![a-z])", re.IGNORECASE)
# A Cubot is a phone.
_PHONE: Final = re.compile(r"(?<![^\W\d_])cubot", re.IGNORECASE)
_WORD_BEFORE: Final = re.compile(r"[\w.!-]*\Z")
_TWO_WORDS_BEFORE: Final = re.compile(r"(?:[A-Za-z][\w.!-]* ){0,2}\Z")
_REST_OF_WORD: Final = re.compile(r"[\w.!-]*")
_URL: Final = re.compile(r"\+?(?:https?://|mailto:)[^\s;,()<>]*", re.IGNORECASE)
_BROWSER: Final = "mozilla/"

# "compatible; NAME" is how crawlers dress as a browser, and how a few old browsers really spoke.
_COMPATIBLE: Final = re.compile(
    r"\bcompatible; *(?!MSIE|Konqueror|iCab|OmniWeb|Windows|Android|U;|AOL|Opera|NetPositive|ABrowse|Google Desktop)"
    r"([A-Za-z][\w.!-]*)",
    re.IGNORECASE,
)
# No browser of a person carries the address of a page about itself; old ones named add-ons by theirs, without "+".
_CONTACT: Final = re.compile(r"\+ ?(?:https?://|mailto:)(?:www\.)?([\w.-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Known:
    """A line of bots.tsv. `where`: "any" word of the string, or only its "first"."""

    kind: str
    where: str
    token: str
    name: str
    operator: str


class _Named(NamedTuple):
    rank: int
    at: int
    known: Known


@cache
def known_bots() -> tuple[Known, ...]:
    """The lines of bots.tsv."""
    text = files("enricher.lookups").joinpath("bots.tsv").read_text(encoding="utf-8")
    lines = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(Known(**line) for line in lines)


class BotLookup:
    """Tells bots by a user agent string and the brands of its client hints."""

    def __init__(self, known: Iterable[Known] | None = None) -> None:
        self._by_first_word: dict[str, list[tuple[str, Known]]] = {}
        for entry in known_bots() if known is None else known:
            token = entry.token.lower()
            word = _WORD.match(token)
            if word is None:
                raise ValueError(f"a bot's token must begin with a letter or digit: {entry.token!r}")
            self._by_first_word.setdefault(word[0], []).append((token, entry))
        for entries in self._by_first_word.values():
            entries.sort(key=lambda pair: -len(pair[0]))  # the longest name that fits is meant

    def of(self, user_agent: str, brands: Sequence[str] = ()) -> Bot | None:
        """Kind, name and reason, or None for what may be a person. Any text is fine; bounding it is the caller's."""
        spoken = _URL.sub(" ", user_agent)  # a page about a bot is not its name
        named = min(self._named(spoken.lower()), default=None)
        if named and named.known.kind == "crawler":
            return _bot(named.known, "agent token")
        called = _called_bot(spoken)
        if called:
            return _made_up(called, "the agent calls itself a bot")
        if named:
            return _bot(named.known, "agent token")
        by_brand = min(self._named(" , ".join(brands).lower()), default=None)
        if by_brand:
            return _bot(by_brand.known, "client hint brand")
        return _dressed_up(user_agent) if user_agent[:8].lower() == _BROWSER else None

    def _named(self, lowered: str) -> Iterator[_Named]:
        for word in _WORD.finditer(lowered):
            for token, known in self._by_first_word.get(word[0], ()):
                at = word.start()
                if lowered.startswith(token, at) and _END.match(lowered, at + len(token)):
                    if known.where == "any" or at == 0:
                        yield _Named(_RANKS.index((known.kind, known.where)), at, known)
                    break


def _called_bot(spoken: str) -> str:
    for found in _CALLED_BOT.finditer(spoken):
        if not _PHONE.fullmatch(spoken, max(0, found.end() - len("cubot")), found.end()):
            return _name_around(spoken, found)
    return ""


def _name_around(spoken: str, found: re.Match[str]) -> str:
    begin, end = found.span()
    first = max(0, begin - MAX_NAME)
    before = _last(_WORD_BEFORE, spoken, first, begin)
    rest = _REST_OF_WORD.match(spoken, end)
    if not before:  # "spider" alone says nothing
        before = _last(_TWO_WORDS_BEFORE, spoken, first, begin)
    return before + found[0] + (rest[0] if rest else "")


def _last(pattern: re.Pattern[str], text: str, begin: int, end: int) -> str:
    found = pattern.search(text, begin, end)
    return found[0] if found else ""


def _dressed_up(user_agent: str) -> Bot | None:
    compatible = _COMPATIBLE.search(user_agent)
    if compatible:
        return _made_up(compatible[1], "the agent says it is compatible with a browser")
    contact = _CONTACT.search(user_agent)
    if contact:
        return _made_up(contact[1], "the agent names a page about itself")
    return None


def _bot(known: Known, rule: str) -> Bot:
    return Bot(kind=KINDS[known.kind], name=known.name, reason=f"{rule}: {known.token}")


def _made_up(name: str, rule: str) -> Bot:
    name = name[:MAX_NAME]
    return Bot(kind=BOT_KIND_CRAWLER, name=name, reason=f"{rule}: {name}")
