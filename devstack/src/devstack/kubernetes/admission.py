"""What an API server answered to an object: taken, or refused, with the fields and why. Pure.

A warning counts as a refusal: it is how a server tells of what it will not take one day, and of pods that the
namespace's Pod Security profile forbids.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]

_WARNING = re.compile(r'\b299 \S+ "((?:[^"\\]|\\.)*)"')
_UNDECLARED = re.compile(r"(?:^|[\s:])(\.[\w.\[\]\"=/:-]+): ([^\n]+)")


@dataclass(frozen=True)
class Fault:
    """One thing that was not right; `field` is "" where the server names none."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


@dataclass(frozen=True)
class Verdict:
    """What became of one object."""

    name: str
    """Kind and name, for people."""
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def taken(self) -> bool:
        """Without a word against it."""
        return not self.faults and not self.warnings


def name_of(manifest: Manifest) -> str:
    """Kind and name as people read them."""
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def namespace_of(manifest: Manifest) -> str:
    """Where it is, if it is a thing of a namespace at all."""
    found: str = manifest["metadata"].get("namespace", "default")
    return found


def judge(manifest: Manifest, status: int, body: Mapping[str, Any], warnings: Iterable[str]) -> Verdict:
    """The verdict of an answer: its HTTP status, its JSON, and its `Warning` headers."""
    faults = [] if status < 300 else _faults(body)
    texts = [text for header in warnings for text in _texts(header)]
    return Verdict(name_of(manifest), tuple(faults), tuple(texts))


def _faults(body: Mapping[str, Any]) -> list[Fault]:
    causes = body.get("details", {}).get("causes", [])
    if causes:
        return [Fault(cause.get("field", ""), cause.get("message", "")) for cause in causes]
    message = str(body.get("message", "refused without a word"))
    undeclared = _UNDECLARED.findall(message)
    return [Fault(*each) for each in undeclared] or [Fault("", message)]


def _texts(header: str) -> list[str]:
    """RFC 9111, 5.5: several warnings may share a header; quotes within a text are escaped."""
    return [re.sub(r"\\(.)", r"\1", text) for text in _WARNING.findall(header)]
