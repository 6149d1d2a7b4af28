"""User agent strings by the rules of ua-parser (https://github.com/ua-parser/uap-core), in their Rust build.

Client hints win over what browsers froze in their strings; what the string alone still tells stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from itertools import takewhile
from typing import Final

from ua_parser import OS, Domain, UserAgent, load_lazy_builtins
from ua_parser.regex import Resolver

from enricher.fragments import fragment
from enricher.lookups.bots import BotLookup
from enricher.lookups.brands import MAC, browser_by, is_number, system_by
from enricher.lookups.client_hints import Hints, read_hints
from enricher.lookups.device_types import device_type
from enricher.lookups.in_app import app_of
from eventrail.contract.v1.enriched_pb2 import BOT_KIND_CRAWLER, Agent, Bot
from eventrail.contract.v1.raw_pb2 import ClientHints

CACHED_AGENTS: Final = 8_192
MAX_CHARACTERS: Final = 1024
"""What raw.proto allows; more is not looked at, so that neither time nor memory follow a hostile client."""
MAX_HINT_BYTES: Final = 2_048
"""More than raw.proto allows, of any characters; longer hints say nothing."""

_FROZEN_SINCE: Final = 26
"""From this version on Safari says "iPhone OS 18_6" for ever. It comes with the system and has its version."""


@dataclass(slots=True)
class AgentFacts:
    """What a client is: not to be changed by the caller. `bot` is None for what may be a person.

    `written` and `bot_written` are both as fragments (fragments.py).
    """

    agent: Agent
    bot: Bot | None
    is_safari_on_mac: bool
    written: bytes
    bot_written: bytes


class AgentLookup:
    """Facts by user agent string and client hints; keeps the last 8,192 answers. Building one takes about 0.2 s.

    `rules` is the version of the rules, such as "ua-parser-builtins 202610".
    """

    def __init__(self, cached: int = CACHED_AGENTS) -> None:
        self.rules = f"ua-parser-builtins {version('ua-parser-builtins')}"
        self._resolve = Resolver(load_lazy_builtins())
        self._bots = BotLookup()
        self._of = lru_cache(maxsize=cached)(self._parse)

    def of(self, user_agent: str, hints: ClientHints | None = None) -> AgentFacts:
        """The facts; any text is fine, and gives "" where it says nothing."""
        sent = hints.SerializeToString() if hints else b""
        return self._of(user_agent[:MAX_CHARACTERS], sent if len(sent) <= MAX_HINT_BYTES else b"")

    def _parse(self, user_agent: str, sent: bytes) -> AgentFacts:
        hints = read_hints(ClientHints.FromString(sent))
        bot = self._bots.of(user_agent, [name for name, _ in hints.brands])
        agent = self._agent(user_agent, hints, bot)
        return AgentFacts(
            agent,
            bot,
            is_safari_on_mac=agent.browser == "Safari" and agent.os == MAC,
            written=fragment(agent=agent),
            bot_written=fragment(bot=bot),
        )

    def _agent(self, user_agent: str, hints: Hints, bot: Bot | None) -> Agent:
        found = self._resolve(user_agent, Domain.USER_AGENT | Domain.OS)
        said = app_of(user_agent) or _browser(found.user_agent or UserAgent())
        browser, browser_version = browser_by(hints, *said)
        system, system_version = system_by(hints, *_system(found.os or OS()))
        device = device_type(user_agent, hints)
        if device == "tablet" and system == MAC:
            system, system_version = "iOS", ""  # an iPad that asks for pages as a Mac does
        if browser == "Mobile Safari" and _major(browser_version) >= _FROZEN_SINCE:
            system_version = browser_version
        if bot and bot.kind == BOT_KIND_CRAWLER:
            device = "bot"  # it claims to be any device
            browser, browser_version = bot.name, browser_version if browser == bot.name else ""
        return Agent(
            browser=browser,
            browser_version=browser_version,
            os=system,
            os_version=system_version,
            device_type=device,
        )


def _browser(found: UserAgent) -> tuple[str, str]:
    if found.family == "Apple Mail":
        return "", ""  # the rule fits each page that a Mac or iPad shows inside of any app
    return _family(found.family), dotted((found.major, found.minor, found.patch, found.patch_minor))


def _system(found: OS) -> tuple[str, str]:
    return _family(found.family), dotted((found.major, found.minor, found.patch, found.patch_minor))


def _major(version: str) -> int:
    return int(version.partition(".")[0][:9] or 0)


def _family(family: str) -> str:
    return "" if family == "Other" else family


def dotted(parts: Iterable[str | None]) -> str:
    """`parts` up to the first that is no plain number, joined by dots ("XP" and "beta" are no numbers)."""
    return ".".join(takewhile(is_number, (part or "" for part in parts)))
