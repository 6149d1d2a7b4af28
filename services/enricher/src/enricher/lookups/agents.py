"""User agent strings by the rules of ua-parser (https://github.com/ua-parser/uap-core), in their Rust build."""

from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import version
from itertools import takewhile
from typing import Final

from ua_parser import OS, Domain, UserAgent, load_lazy_builtins
from ua_parser.regex import Resolver

from enricher.lookups.device_types import device_type
from eventrail.contract.v1.enriched_pb2 import Agent

CACHED_AGENTS: Final = 8_192
MAX_CHARACTERS: Final = 1024
"""What raw.proto allows; more is not looked at, so that neither time nor memory follow a hostile client."""


class AgentLookup:
    """Facts by user agent string; keeps the last 8,192 answers. Building one takes about 0.2 s.

    `rules` is the version of the rules, such as "ua-parser-builtins 202610".
    """

    def __init__(self, cached: int = CACHED_AGENTS) -> None:
        self.rules = f"ua-parser-builtins {version('ua-parser-builtins')}"
        self._resolve = Resolver(load_lazy_builtins())
        self._of = lru_cache(maxsize=cached)(self._parse)

    def of(self, user_agent: str) -> Agent:
        """The facts, not to be changed by the caller; any text is fine, and gives "" where it says nothing."""
        return self._of(user_agent[:MAX_CHARACTERS])

    def _parse(self, user_agent: str) -> Agent:
        found = self._resolve(user_agent, Domain.USER_AGENT | Domain.OS)
        browser, system = found.user_agent or UserAgent(), found.os or OS()
        return Agent(
            browser=_family(browser.family),
            browser_version=dotted((browser.major, browser.minor, browser.patch, browser.patch_minor)),
            os=_family(system.family),
            os_version=dotted((system.major, system.minor, system.patch, system.patch_minor)),
            device_type=device_type(user_agent),
        )


def _family(family: str) -> str:
    return "" if family == "Other" else family


def dotted(parts: Iterable[str | None]) -> str:
    """`parts` up to the first that is no plain number, joined by dots ("XP" and "beta" are no numbers)."""
    return ".".join(takewhile(_is_number, (part or "" for part in parts)))


def _is_number(part: str) -> bool:
    return part.isascii() and part.isdigit()
