"""User agent client hints: from header texts to what they say.

Sources: https://wicg.github.io/ua-client-hints/ for the fields, RFC 8941 for how they are written. A field that breaks
the rules of RFC 8941 is ignored as a whole, as section 4.2 asks.
"""

import re
from dataclasses import dataclass
from typing import Final

from eventrail.contract.v1.raw_pb2 import ClientHints

# What raw.proto allows; more is not looked at.
_MAX_BRANDS: Final = 512
_MAX_PLATFORM: Final = 64
_MAX_MODEL: Final = 128

# RFC 8941 section 3.3: a string, and a parameter whose value is a string or any other bare item, or left out.
_STRING: Final = r'"((?:[ !#-\[\]-~]|\\["\\])*)"'
_PARAMETER: Final = re.compile(
    rf"; *([a-z*][a-z0-9_.*-]*)(?:={_STRING}|=(?:[A-Za-z*][\w!#$%&'*+.^`|~:/-]*|-?[0-9.]+|\?[01]|:[A-Za-z0-9+/=]*:))?"
)
_TEXT: Final = re.compile(_STRING)
_COMMA: Final = re.compile(r"[ \t]*,[ \t]*")
_ESCAPED: Final = re.compile(r'\\(["\\])')

# Chrome adds a brand that nobody has, spelt differently each time, so that nobody relies on the list's form.
_GREASE: Final = re.compile(r"[^A-Za-z0-9]*Not[^A-Za-z0-9]*A[^A-Za-z0-9]*Brand[^A-Za-z0-9]*")


@dataclass(frozen=True, slots=True)
class Hints:
    """What the hints say; "", () and None where they say nothing.

    `brands`: (name, version) pairs without those that are only there to confuse; `mobile`: prefers a mobile page.
    """

    brands: tuple[tuple[str, str], ...] = ()
    mobile: bool | None = None
    platform: str = ""
    platform_version: str = ""
    model: str = ""


NO_HINTS: Final = Hints()


def read_hints(sent: ClientHints) -> Hints:
    """Any text is fine: what cannot be read says nothing."""
    return Hints(
        brands=_brands(sent.brands[:_MAX_BRANDS]),
        mobile={"?1": True, "?0": False}.get(sent.mobile.strip()),
        platform=_text(sent.platform[:_MAX_PLATFORM]),
        platform_version=_text(sent.platform_version[:_MAX_PLATFORM]),
        model=_text(sent.model[:_MAX_MODEL]),
    )


def _text(field: str) -> str:
    field = field.strip(" ")
    found = _TEXT.match(field)
    whole = found and _after_parameters(field, found.end())[0] == len(field)
    return _unescaped(found[1]).strip() if found and whole else ""


def _brands(field: str) -> tuple[tuple[str, str], ...]:
    field, at = field.strip(" "), 0
    found: list[tuple[str, str]] = []
    while name := _TEXT.match(field, at):
        at, version = _after_parameters(field, name.end())
        found.append((_unescaped(name[1]), version))
        if at == len(field):
            return tuple(brand for brand in found if not _GREASE.fullmatch(brand[0]))
        comma = _COMMA.match(field, at)
        if comma is None:
            break
        at = comma.end()
    return ()


def _after_parameters(field: str, at: int) -> tuple[int, str]:
    """Where the parameters from `at` on end, and the text of the parameter `v`."""
    version = ""
    while parameter := _PARAMETER.match(field, at):
        at = parameter.end()
        if parameter[1] == "v":
            version = _unescaped(parameter[2] or "")
    return at, version


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
