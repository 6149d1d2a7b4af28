"""From the bytes of `websites.yaml` to its websites: all of them are right, or every error is told with its line."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from eventrail.errors import ConfigurationError
from eventrail.websites import domains
from eventrail.websites.listing import ListedWebsites
from eventrail.websites.model import Defaults, Document, RateLimit, RateLimits, ServerKey, Website
from eventrail.websites.yaml_tree import Node, NotTaken, Problem, parse

MAX_TOLD: Final = 50

_KNOWN: Final = sorted(
    {
        name
        for model in (Document, Defaults, Website, ServerKey, RateLimits, RateLimit)
        for name in model.model_fields
    }
)
_PLAIN_TEXT: Final = {
    "missing": "is required",
    "string_type": "must be text; put it in quotes where it looks like something else",
    "model_type": "must be a mapping of fields",
    "model_attributes_type": "must be a mapping of fields",
    "tuple_type": "must be a list",
    "frozen_set_type": "must be a list",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
}


class WebsitesFileError(ConfigurationError):
    """The file cannot be used. The message has a line `file:line:column: path: what is wrong` for each problem.

    At most MAX_TOLD of them are told, and then how many more there are. It never shows a key or a hash.
    """

    def __init__(self, source: str, problems: list[Problem]) -> None:
        told = [_line(source, problem) for problem in problems[:MAX_TOLD]]
        if len(problems) > MAX_TOLD:
            told.append(f"{source}: and {len(problems) - MAX_TOLD:,} more problems")
        super().__init__("\n".join(told))
        self.problems = problems


def read(content: bytes, source: str) -> ListedWebsites:
    """The websites of `content`; `source` is the file's name for messages. Raises WebsitesFileError."""
    try:
        root, problems = parse(content)
    except NotTaken as error:
        raise WebsitesFileError(source, [error.problem]) from None
    plain = root.plain()
    problems.extend(_repeated(root, plain))
    try:
        websites = Document.model_validate(plain).filled()
    except ValidationError as error:
        problems.extend(_problem(root, item) for item in error.errors(include_url=False, include_input=False))
        websites = ()
    if problems:
        raise WebsitesFileError(source, sorted(problems, key=lambda problem: problem.place))
    return ListedWebsites(websites)


def _problem(root: Node, item: ErrorDetails) -> Problem:
    return Problem(root.locate(item["loc"]), item["loc"], _message(item))


def _message(item: ErrorDetails) -> str:
    if item["type"] == "extra_forbidden":
        near = get_close_matches(str(item["loc"][-1]), _KNOWN, n=1)
        return "is not known here" + (f"; do you mean {near[0]}?" if near else "")
    if item["type"] in _PLAIN_TEXT:
        return _PLAIN_TEXT[item["type"]]
    text = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return text[:1].lower() + text[1:]


def _repeated(root: Node, plain: Any) -> Iterator[Problem]:
    """Ids and domains that stand twice in the file: an event must belong to one website."""
    seen: dict[tuple[str, str], int] = {}
    for path, kind, text in _identities(plain):
        place = root.locate(path)
        if (kind, text) in seen:
            first = seen[kind, text]
            yield Problem(place, path, f"the {kind} {text!r} is there twice; first in line {first}")
        else:
            seen[kind, text] = place.line


def _identities(plain: Any) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    websites = plain.get("websites") if isinstance(plain, dict) else None
    for place, website in enumerate(websites if isinstance(websites, list) else ()):
        if not isinstance(website, dict):
            continue
        if isinstance(website.get("id"), str):
            yield ("websites", place, "id"), "id", website["id"]
        names = website.get("domains")
        for index, name in enumerate(names if isinstance(names, list) else ()):
            if isinstance(name, str):
                yield ("websites", place, "domains", index), "domain", _comparable(name)


def _comparable(name: str) -> str:
    try:
        return domains.canonical(name)
    except ValueError:
        return name


def _line(source: str, problem: Problem) -> str:
    place = f"{source}:{problem.place.line}:{problem.place.column}"
    return (
        f"{place}: {_dotted(problem.path)}: {problem.message}"
        if problem.path
        else f"{place}: {problem.message}"
    )


def _dotted(path: tuple[str | int, ...]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
