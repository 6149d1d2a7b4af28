"""YAML as a tree that remembers where each thing stood, built without recursion and within bounds.

A plain scalar is a number, a boolean or null only where all versions of YAML agree on it: `no`, `1e5` and `08` are
text, because ids and names are. Tags, a second document, keys that stand twice and keys that are no text are refused.
Anchors and aliases are taken, but what they expand to is counted, and a node that holds itself is refused.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import yaml

MAX_BYTES: Final = 8 * 1024 * 1024
MAX_NODES: Final = 500_000
MAX_DEPTH: Final = 32

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is ten times as fast
_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,29})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,29})\.[0-9]{1,30}")


class Place(NamedTuple):
    """Where something stands, both counted from 1."""

    line: int
    column: int


_START: Final = Place(1, 1)


class Problem(NamedTuple):
    """What is wrong, and where; `path` is the way to it through the document, such as ("websites", 0, "id")."""

    place: Place
    path: tuple[str | int, ...]
    message: str


class NotTaken(Exception):
    """Bytes that give no tree."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(place, (), message)


@dataclass(slots=True)
class Node:
    """One value. `items` of a sequence, `fields` of a mapping (place of the key, node), else `scalar`.

    `size` counts the node and all below it, aliases expanded.
    """

    place: Place
    scalar: str | int | float | bool | None = None
    items: list["Node"] | None = None
    fields: dict[str, tuple[Place, "Node"]] | None = None
    size: int = 1

    def plain(self) -> Any:
        """The value as Python's own dict, list, str, int, float, bool and None."""
        if self.fields is not None:
            return {name: node.plain() for name, (_, node) in self.fields.items()}
        if self.items is not None:
            return [node.plain() for node in self.items]
        return self.scalar

    def locate(self, path: Sequence[str | int]) -> Place:
        """Where `path` stands: a field at its key; as deep as it goes where the end of the path is missing."""
        node, place = self, self.place
        for step in path:
            if node.fields is not None and step in node.fields:
                place, node = node.fields[str(step)]
            elif node.items is not None and isinstance(step, int) and step < len(node.items):
                node = node.items[step]
                place = node.place
            else:
                break
        return place


@dataclass(slots=True)
class _Frame:
    """A collection that is not closed yet; `key` is the field whose value comes next."""

    node: Node
    anchor: str | None
    key: str | None = None
    key_place: Place = _START


@dataclass(slots=True)
class _Builder:
    frames: list[_Frame] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)
    documents: int = 0

    def feed(self, event: yaml.Event) -> None:
        place = _place(event.start_mark)
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    raise NotTaken(place, "a second document begins here; the file must hold one")
            case yaml.AliasEvent():
                self._alias(event.anchor or "", place)
            case yaml.ScalarEvent():
                self._check_tag(event, place)
                self._value(Node(place, scalar=_scalar(event)), event.anchor)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._check_tag(event, place)
                self._open(event, place)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                frame = self.frames.pop()
                self._value(frame.node, frame.anchor)

    def _open(self, event: yaml.CollectionStartEvent, place: Place) -> None:
        if len(self.frames) >= MAX_DEPTH:
            raise NotTaken(place, f"is nested deeper than {MAX_DEPTH} levels")
        if self.frames and self.frames[-1].node.fields is not None and self.frames[-1].key is None:
            raise NotTaken(place, "a key must be text")
        node = Node(place, fields={}) if isinstance(event, yaml.MappingStartEvent) else Node(place, items=[])
        if event.anchor is not None:
            self.anchors.pop(event.anchor, None)
        self.frames.append(_Frame(node, event.anchor))

    def _alias(self, anchor: str, place: Place) -> None:
        if any(frame.anchor == anchor for frame in self.frames):
            raise NotTaken(place, f"*{anchor} stands inside of what it means")
        if anchor not in self.anchors:
            raise NotTaken(place, f"*{anchor} means nothing: there is no &{anchor} before it")
        self._value(self.anchors[anchor], None)

    def _check_tag(self, event: Any, place: Place) -> None:
        if event.tag is not None:
            raise NotTaken(place, f"tags such as {event.tag[:40]} are not taken; leave it out")

    def _value(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.frames:
            self.root = node
            return
        frame = self.frames[-1]
        frame.node.size += node.size
        if frame.node.size > MAX_NODES:
            raise NotTaken(node.place, f"has more than {MAX_NODES:,} values with all its aliases expanded")
        if frame.node.items is not None:
            frame.node.items.append(node)
        elif frame.node.fields is not None:
            self._field(frame, frame.node.fields, node)

    def _field(self, frame: _Frame, fields: dict[str, tuple[Place, Node]], node: Node) -> None:
        if frame.key is None:
            if not isinstance(node.scalar, str):
                raise NotTaken(node.place, "a key must be text")
            frame.key, frame.key_place = node.scalar, node.place
            return
        if frame.key in fields:
            path = (*self._path(), frame.key)
            first = fields[frame.key][0].line
            self.problems.append(Problem(frame.key_place, path, f"stands here again; it is in line {first}"))
        else:
            fields[frame.key] = (frame.key_place, node)
        frame.key = None

    def _path(self) -> tuple[str | int, ...]:
        return tuple(
            frame.key or "" if frame.node.items is None else len(frame.node.items)
            for frame in self.frames[:-1]
        )


def parse(content: bytes) -> tuple[Node, list[Problem]]:
    """The tree of one YAML document, and the keys that stand twice in it.

    Raises NotTaken for what gives no tree: other text than UTF-8, broken YAML, more than MAX_BYTES, MAX_NODES
    (aliases expanded) or MAX_DEPTH, tags, a second document, nothing at all.
    """
    builder = _Builder()
    for event in _events(_text(content)):
        builder.feed(event)
    if builder.root is None or (builder.root.items is None and builder.root.fields is None):
        raise NotTaken(_START, "must be a mapping with the field websites, but is empty or plain text")
    return builder.root, builder.problems


def _text(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise NotTaken(_START, f"has {len(content):,} bytes, but at most {MAX_BYTES:,} are taken")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = Place(before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        raise NotTaken(place, f"is not UTF-8: byte 0x{content[error.start]:02x}") from None


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        raise NotTaken(_place(error.problem_mark or error.context_mark), _explain(error, text)) from None
    except yaml.YAMLError as error:
        raise NotTaken(_unreadable(error, text), str(error).partition("\n")[0]) from None


def _unreadable(error: yaml.YAMLError, text: str) -> Place:
    before = text[: getattr(error, "position", 0)]
    return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _explain(error: yaml.MarkedYAMLError, text: str) -> str:
    mark = error.problem_mark
    line = text.split("\n")[mark.line] if mark and mark.line < text.count("\n") + 1 else ""
    tab = "\t" in line[: len(line) - len(line.lstrip())] or (
        mark and line[mark.column : mark.column + 1] == "\t"
    )
    reason = ", ".join(part for part in (error.context, error.problem) if part)
    return f"is no YAML: {reason}" + ("; indent with spaces, tabs are not taken" if tab else "")


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark else _START


def _scalar(event: yaml.ScalarEvent) -> str | int | float | bool | None:
    text = event.value
    if not event.implicit[0]:  # in quotes, or a block
        return str(text)
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return bool(_TRUE.fullmatch(text))
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else str(text)
