"""What a statement is, as far as the server has to know before it hands it to the engine.

Only words, quotes, comments and brackets are understood; everything else is the engine's affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from devstack.clickhouse.errors import BAD_ARGUMENTS, ServerError

_TOKEN = re.compile(
    r"""
      (?P<space>\s+|--[^\n]*|\#[ !][^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<quoted>'(?:[^'\\]|\\.|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<name>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    | (?P<word>[^\W\d]\w*)
    | (?P<number>\d[\w.]*)
    | (?P<sign>.)
    """,
    re.DOTALL | re.VERBOSE,
)
# Without one of these there is no clause to cut off, and long statements need no scan.
_MAY_NEED_CUT = re.compile(r"\bformat\b|\boutfile\b|;", re.IGNORECASE)


class Kind(Enum):
    """How the server has to treat a statement."""

    SELECT = "answers in blocks that can be streamed"
    INSERT = "may be followed by data"
    SET = "changes the settings of the session"
    OTHER = "runs at once"


@dataclass(frozen=True)
class Token:
    """A piece of SQL: its group in the pattern, its text, its place, the brackets around it."""

    kind: str
    text: str
    start: int
    end: int
    depth: int

    def is_word(self, *words: str) -> bool:
        """Whether this is one of these keywords (given in upper case), outside of brackets."""
        return self.kind == "word" and self.depth == 0 and self.text.upper() in words


@dataclass(frozen=True)
class Insert:
    """An INSERT whose rows are not the answer of a query.

    `target` is the table or `FUNCTION f(..)`, `columns` the list with its brackets or "", `settings` the
    SETTINGS clause or "". `data` holds the rows that stand in the statement itself, in format `form`;
    when it is empty, the client sends blocks.
    """

    target: str
    columns: str
    settings: str
    form: str
    data: str

    def from_file(self, path: str, form: str) -> str:
        """The statement that reads the rows from this file."""
        quoted = path.replace("'", "\\'")
        head = f"INSERT INTO {self.target} {self.columns}"
        return f"{head} FROM INFILE '{quoted}' {self.settings} FORMAT {form}"

    def sample(self) -> str:
        """A query whose columns are those that the client has to send."""
        columns = self.columns[1:-1].strip() or "*"
        source = re.sub(r"^FUNCTION\s+", "", self.target, flags=re.IGNORECASE)
        # The client may insert, so it may read: nothing is gained by a crafted name.
        return f"SELECT {columns} FROM {source}"  # noqa: S608


def tokens(sql: str) -> Iterator[Token]:
    """All tokens but spaces and comments."""
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or ""
        if kind == "tag":
            kind = "quoted"
        if kind == "space":
            continue
        text = match.group()
        depth -= text in (")", "]")
        yield Token(kind, text, match.start(), match.end(), depth)
        depth += text in ("(", "[")


def kind_of(sql: str) -> Kind:
    """The kind of a statement by its first word; OTHER for an empty one."""
    for token in tokens(sql):
        if token.text == "(":
            continue
        word = token.text.upper()
        if word in ("SELECT", "WITH", "FROM"):
            return Kind.SELECT
        return {"INSERT": Kind.INSERT, "SET": Kind.SET}.get(word, Kind.OTHER)
    return Kind.OTHER


def without_output_clauses(sql: str) -> str:
    """The statement without a closing `;` and FORMAT, which a server leaves to its clients.

    Raises ServerError for INTO OUTFILE, which would write on the server's side.
    """
    if not _MAY_NEED_CUT.search(sql):
        return sql
    found = list(tokens(sql))
    while found and found[-1].text == ";":
        sql = sql[: found.pop().start]
    for before, token in pairwise(found):
        if before.is_word("INTO") and token.is_word("OUTFILE"):
            raise ServerError(
                BAD_ARGUMENTS, "INTO OUTFILE is the client's affair: fetch the rows and write them"
            )
    return _without_format(sql, found)


def _without_format(sql: str, found: list[Token]) -> str:
    """Cut `FORMAT name` where it stands last, or last before SETTINGS."""
    for at in range(len(found) - 2, 0, -1):
        token, name = found[at], found[at + 1]
        last = at + 2 == len(found) or found[at + 2].is_word("SETTINGS")
        after_value = found[at - 1].text not in (",", ".") and not found[at - 1].is_word("SELECT", "AS")
        if token.is_word("FORMAT") and name.kind == "word" and last and after_value:
            return f"{sql[: token.start]} {sql[name.end :]}"
    return sql


def parse_insert(sql: str) -> Insert | None:
    """The parts of an INSERT that carries rows or is followed by blocks.

    None when the rows come from a query or a file, or when it is no INSERT that this parser knows: the
    engine then runs it, or tells what is wrong with it.
    """
    found = tokens(sql)
    token = next(found, None)
    if token is None or not token.is_word("INSERT"):
        return None
    token = next(found, None)
    while token is not None and token.is_word("INTO", "TABLE"):
        token = next(found, None)
    return None if token is None else _insert_parts(sql, token, found)


class _InsertHead:
    """What stands before the rows of an INSERT, noted token by token."""

    def __init__(self, sql: str, first: Token) -> None:
        self._sql = sql
        self._start, self._end = first.start, first.end
        self._function = first.is_word("FUNCTION")
        self._open_at = 0
        self._settings_at: int | None = None
        self._columns = ""

    def take(self, token: Token) -> None:
        """Note the next token before the rows."""
        if self._settings_at is not None or token.depth:
            return
        if token.is_word("SETTINGS"):
            self._settings_at = token.start
        elif token.text == "(":
            self._open_at = token.start
        elif token.text == ")":
            self._close(token.end)
        else:
            self._end = token.end

    def _close(self, end: int) -> None:
        """The first brackets after FUNCTION hold its arguments, all others the columns."""
        if self._function:
            self._function, self._end = False, end
        else:
            self._columns = self._sql[self._open_at : end]

    def parts(self, rows_at: int) -> tuple[str, str, str]:
        """Target, columns and settings, when the rows start at this place."""
        has_settings = self._settings_at is not None
        settings = self._sql[self._settings_at : rows_at] if has_settings else ""
        return self._sql[self._start : self._end], self._columns, settings.strip()


def _insert_parts(sql: str, first: Token, rest: Iterator[Token]) -> Insert | None:
    """Walk to the word that starts the rows."""
    head = _InsertHead(sql, first)
    for token in rest:
        if token.is_word("SELECT", "WITH", "FROM", "WATCH", "EXPLAIN", "PARTITION"):
            return None
        if token.is_word("VALUES", "FORMAT"):
            return _with_rows(sql, token, rest, head.parts(token.start))
        head.take(token)
    return None


def _with_rows(sql: str, start: Token, rest: Iterator[Token], head: tuple[str, str, str]) -> Insert | None:
    form, data_at = "Values", start.end
    if start.is_word("FORMAT"):
        name = next(rest, None)
        if name is None:
            return None
        form, data_at = name.text, name.end
    inline = any(token.text != ";" for token in tokens(sql[data_at:]))
    data = sql[data_at:].lstrip() if inline else ""
    return Insert(*head, form, data)
