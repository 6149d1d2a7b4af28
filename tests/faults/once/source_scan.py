"""Which SQL texts of a source tree name the table `events`, or a table that cannot be told.

Texts are put together as far as the source says: f-strings, sums, `%`, `.format()`, `.join()` and `.replace()`, with
the module's own constants and those that it imports. What stays open is OPEN; a table name that is OPEN is a finding.
"""

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

OPEN = "\N{REPLACEMENT CHARACTER}"
_GAP = rf"(?:{OPEN}|%\(|%s|\{{)"
_NAME = r"(?:[`\"]?\w+[`\"]?\s*\.\s*)?[`\"]?events[`\"]?(?![\w`\"(.])"
_MAKES_TEXT = (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Call)
_SQL = re.compile(r"\b(?:select|insert\s+into|create|alter|optimize|truncate|from)\b", re.IGNORECASE)


class Way(StrEnum):
    """What a text does with the table."""

    READS = "reads"
    READS_UNTOLD = "reads a table that the source does not tell"
    COPIES = "copies what comes in"
    WRITES = "writes"
    CHANGES = "changes"


_WAYS: Mapping[Way, re.Pattern[str]] = {
    Way.READS: re.compile(
        rf"\b(?:from|join)\s+(?:\w+(?:\s+(?:as\s+)?\w+)?\s*,\s*)*{_NAME}"
        r"|\b(?:from|join)\s+(?:merge|remote|remoteSecure|cluster|clusterAllReplicas|loop|mergeTreeIndex)\s*\(",
        re.IGNORECASE,
    ),
    Way.READS_UNTOLD: re.compile(
        rf"\b(?:FROM|JOIN)\s+[`\"]?(?:\w+\.)?{_GAP}|\bselect\b.*?\bfrom\s+{_GAP}", re.DOTALL
    ),
    Way.COPIES: re.compile(
        r"\b(?:create|attach)\s+materialized\s+view|\badd\s+projection\b|\bprojection\s+\w+\s*\(",
        re.IGNORECASE,
    ),
    Way.WRITES: re.compile(rf"\binsert\s+into\s+(?:table\s+)?(?:{_NAME})", re.IGNORECASE),
    Way.CHANGES: re.compile(
        rf"\b(?:alter\s+table|truncate\s+table|truncate|optimize\s+table|drop\s+table|rename\s+table|exchange\s+tables)"
        rf"\s+(?:if\s+exists\s+)?{_NAME}|\bdelete\s+from\s+{_NAME}|\bupdate\s+{_NAME}",
        re.IGNORECASE,
    ),
}


@dataclass(frozen=True)
class Finding:
    """A text and what it does with the table."""

    path: Path
    line: int
    way: Way
    text: str


def ways(text: str) -> list[Way]:
    """What an SQL text does with `events`; nothing where it is no SQL."""
    if not _SQL.search(text):
        return []
    found = [way for way, pattern in _WAYS.items() if pattern.search(text)]
    if Way.CHANGES in found and Way.READS in found and not re.search(r"\bselect\b", text, re.IGNORECASE):
        found.remove(Way.READS)  # DELETE FROM
    return found


def readings(text: str) -> int:
    """How often an SQL text reads `events`; what stands in quotes is nobody's table."""
    return len(_WAYS[Way.READS].findall(re.sub(r"'(?:[^'\\]|\\.)*'", "''", text)))


def findings(root: Path) -> list[Finding]:
    """What the `.py` and `.sql` files below `root` do with the table."""
    found = []
    for path in sorted((*root.rglob("*.py"), *root.rglob("*.sql"))):
        source = path.read_text()
        texts = Module(source).texts() if path.suffix == ".py" else statements(source)
        found += [Finding(path, line, way, text) for line, text in texts for way in ways(text)]
    return found


def statements(sql: str) -> Iterator[tuple[int, str]]:
    """The statements of an SQL file without their comments, with the lines where they begin."""
    line = 1
    for part in re.split(r";[ \t]*$", sql, flags=re.MULTILINE):
        yield line, re.sub(r"--[^\n]*|COMMENT\s+'[^']*'", "", part)
        line += part.count("\n")


class Module:
    """The texts of one module."""

    def __init__(self, source: str) -> None:
        self._tree = ast.parse(source)
        self._imported = dict(self._imports())
        self._constants: dict[str, str] = {}
        for node in self._tree.body:
            self._learn(node)

    def texts(self) -> Iterator[tuple[int, str]]:
        """Every text that is no docstring, put together as far as possible; parts of texts come as well."""
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        prose = {
            id(statement.value)
            for node in ast.walk(self._tree)
            if isinstance(node, documented)
            for statement in node.body
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        }
        for node in ast.walk(self._tree):
            if isinstance(node, _MAKES_TEXT) and id(node) not in prose:
                text = self._fold(node)
                if text is not None and text.strip(OPEN):
                    yield node.lineno, text

    def _imports(self) -> Iterator[tuple[str, tuple[str, str]]]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for name in node.names:
                    yield name.asname or name.name, (node.module, name.name)

    def _learn(self, node: ast.stmt) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if isinstance(node, ast.Assign | ast.AnnAssign) and value is not None:
            text = self._fold(value)
            for target in targets:
                if isinstance(target, ast.Name) and text is not None:
                    self._constants[target.id] = text

    def _fold(self, node: ast.expr) -> str | None:
        """The text that `node` makes, None where it makes none for all that can be told."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.JoinedStr(values=parts):
                return "".join(self._folded(part) for part in parts)
            case ast.FormattedValue(value=value):
                return self._folded(value)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                texts = self._fold(left), self._fold(right)
                return None if texts == (None, None) else "".join(text or OPEN for text in texts)
            case ast.BinOp(left=left, op=ast.Mod()):
                return self._fold(left)
            case ast.Call(func=ast.Attribute(value=receiver, attr=method), args=arguments):
                return self._called(receiver, method, arguments)
        return self._named(node)

    def _named(self, node: ast.expr) -> str | None:
        match node:
            case ast.Name(id=name):
                return self._constants.get(name) or self._from_elsewhere(name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                return self._from_elsewhere(name, attribute)
        return None

    def _folded(self, node: ast.expr) -> str:
        text = self._fold(node)
        return OPEN if text is None else text

    def _called(self, receiver: ast.expr, method: str, arguments: list[ast.expr]) -> str | None:
        text = self._fold(receiver)
        if text is None or method not in {"join", "format", "replace", "strip"}:
            return None
        if method == "join":
            listed = arguments[0].elts if isinstance(arguments[0], ast.Tuple | ast.List) else []
            return text.join(map(self._folded, listed)) if listed else OPEN
        if method == "replace":
            old, new = self._folded(arguments[0]), self._folded(arguments[1])
            return text.replace(old, new)
        return text

    def _from_elsewhere(self, name: str, attribute: str | None = None) -> str | None:
        if name not in self._imported:
            return None
        module, member = self._imported[name]
        try:
            found = importlib.import_module(f"{module}.{member}" if attribute else module)
        except ImportError:
            return None
        value = getattr(found, attribute or member, None)
        return value if isinstance(value, str) else None
