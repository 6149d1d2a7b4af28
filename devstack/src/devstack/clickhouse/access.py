"""Whether a user may run a statement: the decision of a server with users, for an engine that knows none. Pure.

It errs on the safe side. A statement is refused where one of its names is that of a table which the user may not
read, even if the name meant something else, and where it begins with words that are not listed here. What a real
server does besides, such as hiding rows of system.tables, is not copied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from devstack.clickhouse.errors import (
    ACCESS_DENIED,
    READONLY,
    SETTING_CONSTRAINT_VIOLATION,
    ServerError,
)
from devstack.clickhouse.statement import Token, parse_insert, tokens
from devstack.clickhouse.users import User

Table = tuple[str, str]
"""Database and name."""

OPEN_TABLES = frozenset(
    ("system", name)
    for name in (
        "build_options",
        "columns",
        "contributors",
        "data_skipping_indices",
        "data_type_families",
        "databases",
        "formats",
        "functions",
        "numbers",
        "one",
        "parts",
        "settings",
        "table_engines",
        "table_functions",
        "tables",
        "time_zones",
    )
)
"""Tables of the system that every user may read: they tell of what the user sees anyway, or of the program."""

_HARMLESS = frozenset(
    (
        "numbers",
        "numbers_mt",
        "zeros",
        "zeros_mt",
        "generateseries",
        "generate_series",
        "values",
        "null",
        "view",
    )
)
_READS_BY_NAME = re.compile(r"joinget|dict|file\Z|hascolumnintable|catboost|executable|getserversetting")
_NAMES_IN_TEXT = ("word", "name")


@dataclass(frozen=True)
class Engine:
    """What is there: all tables, and the table functions (in lower case)."""

    tables: frozenset[Table]
    table_functions: frozenset[str]


@dataclass(frozen=True)
class _Act:
    """What the first words of a statement mean: a privilege on the target that follows them, if they have one."""

    privilege: str | None
    targeted: bool = True
    reads: str = "SELECT"
    """What is needed of all other tables that are named; "" for any right at all."""


# The longest beginning counts. IF EXISTS, IF NOT EXISTS and INTO are stepped over.
_ACTS: Mapping[tuple[str, ...], _Act] = {
    ("SELECT",): _Act(None, targeted=False),
    ("WITH",): _Act(None, targeted=False),
    ("FROM",): _Act(None, targeted=False),
    ("EXPLAIN",): _Act(None, targeted=False),
    ("SHOW",): _Act(None, targeted=False, reads=""),
    ("EXISTS",): _Act(None, targeted=False, reads=""),
    ("DESCRIBE",): _Act(None, targeted=False, reads=""),
    ("DESC",): _Act(None, targeted=False, reads=""),
    ("USE",): _Act(None, targeted=False, reads=""),
    ("SET",): _Act(None, targeted=False),
    ("INSERT",): _Act("INSERT"),
    ("INSERT", "TABLE"): _Act("INSERT"),
    ("CREATE", "DATABASE"): _Act("CREATE DATABASE"),
    ("CREATE", "TABLE"): _Act("CREATE TABLE"),
    ("CREATE", "VIEW"): _Act("CREATE VIEW"),
    ("CREATE", "MATERIALIZED", "VIEW"): _Act("CREATE VIEW"),
    ("ALTER", "TABLE"): _Act("ALTER TABLE"),
    ("DELETE", "FROM"): _Act("ALTER DELETE"),
    ("DROP", "TABLE"): _Act("DROP TABLE"),
    ("DROP", "VIEW"): _Act("DROP VIEW"),
    ("TRUNCATE", "TABLE"): _Act("TRUNCATE"),
    ("TRUNCATE",): _Act("TRUNCATE"),
}
_WRITES = frozenset(("INSERT", "CREATE", "ALTER", "DELETE", "DROP", "TRUNCATE"))
_BEFORE_TABLES = frozenset(("AS", "FROM", "JOIN", "IN", "TABLE", "TO"))
_STEPPED_OVER = frozenset(("INTO", "IF", "NOT", "EXISTS", "("))
_AFTER_SETTINGS = frozenset(
    (
        ")",
        ";",
        "AS",
        "COMMENT",
        "EXCEPT",
        "FORMAT",
        "FROM",
        "INTERSECT",
        "INTO",
        "SELECT",
        "UNION",
        "VALUES",
        "WITH",
    )
)


def check(user: User, sql: str, settings: Mapping[str, str], database: str, engine: Engine) -> None:
    """Raise ServerError where `user` may not run `sql` with `settings` while `database` is the current one."""
    for name, value in settings.items():
        _check_setting(user, name, value)
    found = list(_head(sql))
    _check_names(user, found)
    act, rest = _act(user, found)
    if user.profile.readonly and found[0].text.upper() in _WRITES:
        raise ServerError(READONLY, f"{user.name}: Cannot execute query in readonly mode")
    for clause in _settings_clauses(found):
        _check_clause(user, clause)
    if act.targeted and act.privilege is not None:
        rest = _check_target(user, _privilege(act.privilege, rest), rest, database)
    _check_functions(user, rest, engine.table_functions)
    for place in set(_tables_named(rest, _places(act, rest), database, engine.tables)):
        allowed = user.may(act.reads, *place) if act.reads else user.knows(*place)
        if not allowed and place not in OPEN_TABLES:
            raise _denied(user, f"{act.reads or 'SHOW TABLES'} ON {place[0]}.{place[1]}")


def _head(sql: str) -> Iterator[Token]:
    """The tokens of a statement without the rows that it may carry."""
    insert = parse_insert(sql)
    carries = insert is not None and bool(insert.data)
    for token in tokens(sql):
        yield token
        if carries and token.is_word("VALUES", "FORMAT"):
            return


def _act(user: User, found: list[Token]) -> tuple[_Act, list[Token]]:
    """What the statement is, and its tokens behind the words that say so."""
    start = next((at for at, token in enumerate(found) if token.text != "("), len(found))
    words = tuple(token.text.upper() for token in found[start : start + 3])
    for length in (3, 2, 1):
        act = _ACTS.get(words[:length])
        if act is not None:
            return act, found[start + length :]
    raise _denied(user, " ".join(words[:2]) or "nothing")


def _privilege(privilege: str, rest: list[Token]) -> str:
    """What an ALTER asks for: ending a deletion is part of deleting, all else is changing the table."""
    end = tuple(token.text.upper() for token in rest[-3:])
    only_that = len(rest) in (4, 6) and end == ("APPLY", "DELETED", "MASK")
    return "ALTER DELETE" if privilege == "ALTER TABLE" and only_that else privilege


def _denied(user: User, what: str) -> ServerError:
    return ServerError(ACCESS_DENIED, f"{user.name}: Not enough privileges: {what}")


# ---- tables


def _check_names(user: User, found: Iterable[Token]) -> None:
    """Refuse names with escapes: what the engine makes of them is not copied here."""
    for token in found:
        inner = token.text[1:-1]
        if token.kind == "name" and ("\\" in inner or token.text[0] in inner):
            raise _denied(user, f"the name {token.text}, for it has an escape")


def _name(token: Token) -> str:
    return token.text[1:-1] if token.kind == "name" else token.text


def _check_target(user: User, privilege: str, rest: list[Token], database: str) -> list[Token]:
    """Check the table or database that comes first; return what stands behind it."""
    at = 0
    while at < len(rest) and rest[at].text.upper() in _STEPPED_OVER:
        at += 1
    if at >= len(rest) or rest[at].kind not in _NAMES_IN_TEXT or rest[at].is_word("FUNCTION"):
        raise _denied(user, f"{privilege} on what is no table")
    place: Table = (database, _name(rest[at]))
    if at + 2 < len(rest) and rest[at + 1].text == ".":
        place, at = (place[1], _name(rest[at + 2])), at + 2
    if privilege == "CREATE DATABASE":
        place = (place[1], "")
    if not user.may(privilege, *place):
        raise _denied(user, f"{privilege} ON {place[0]}.{place[1] or '*'}")
    if at + 1 < len(rest) and rest[at + 1].text == ",":
        raise _denied(user, f"{privilege} of several tables at once")
    return rest[at + 1 :]


def _places(act: _Act, found: list[Token]) -> Iterator[int]:
    """Where a table may be named: everywhere, but where columns are defined only behind certain words."""
    selects = any(token.text.upper() == "SELECT" for token in found)
    everywhere = act.privilege not in ("CREATE TABLE", "ALTER TABLE") or selects
    for at in range(len(found)):
        before = found[at - 1].text if at else ""
        if everywhere or before == "." or before.upper() in _BEFORE_TABLES:
            yield at


def _tables_named(
    found: list[Token], places: Iterable[int], database: str, tables: frozenset[Table]
) -> Iterator[Table]:
    databases = {name for name, _table in tables}
    for at in places:
        token = found[at]
        if token.kind not in _NAMES_IN_TEXT:
            continue
        name = _name(token)
        owner = _owner(found, at)
        if owner is None and (database, name) in tables:
            yield database, name
        elif owner in databases and (owner, name) in tables:
            yield str(owner), name
        elif owner is None:
            yield from _dotted(name, tables)


def _owner(found: list[Token], at: int) -> str | None:
    """The name before the dot before this one."""
    return _name(found[at - 2]) if at >= 2 and found[at - 1].text == "." else None


def _dotted(name: str, tables: frozenset[Table]) -> Iterator[Table]:
    first, dot, last = name.partition(".")
    if dot and (first, last) in tables:
        yield first, last


def _check_functions(user: User, found: list[Token], table_functions: Iterable[str]) -> None:
    for token, following in pairwise(found):
        if token.kind not in _NAMES_IN_TEXT or following.text != "(":
            continue
        name = _name(token).lower()
        if (name in table_functions and name not in _HARMLESS) or _READS_BY_NAME.match(name):
            raise _denied(user, f"the function {_name(token)}")


# ---- settings


def _settings_clauses(found: list[Token]) -> Iterator[list[Token]]:
    """What stands behind SET and each SETTINGS, up to the statement's end."""
    for at, token in enumerate(found):
        before = found[at - 1].text.upper() if at else ""
        following = found[at + 1] if at + 1 < len(found) else None
        begins = token.kind == "word" and token.text.upper() == "SETTINGS"
        # A column `t.settings`, those of a table that is called so, and what is called so here.
        named = before == "." or (following is not None and following.text == ".")
        named = named or (before == "AS" and _ends_an_alias(following))
        if (begins and not named) or (at == 0 and token.is_word("SET")):
            yield found[at + 1 :]


def _ends_an_alias(following: Token | None) -> bool:
    return (
        following is None
        or following.kind not in _NAMES_IN_TEXT
        or following.text.upper() in ("FROM", "WHERE", "FORMAT")
    )


def _check_clause(user: User, clause: list[Token]) -> None:
    """Check `name = value, ...` up to the clause's end; what has another form is refused, for its end is not known."""
    at = 0
    while True:
        sign = clause[at + 2].text if at + 2 < len(clause) and clause[at + 2].text == "-" else ""
        at_value = at + 2 + bool(sign)
        if not _is_assignment(clause[at : at + 2], clause[at_value : at_value + 1]):
            raise _denied(user, "settings that are not written as name = value")
        _check_setting(user, _name(clause[at]), sign + clause[at_value].text.strip("'"))
        at = at_value + 1
        if at == len(clause) or clause[at].text.upper() in _AFTER_SETTINGS:
            return
        if clause[at].text != ",":
            raise _denied(user, f"settings that end with {clause[at].text}")
        at += 1


def _is_assignment(left: list[Token], value: list[Token]) -> bool:
    return (
        [token.text for token in left[1:]] == ["="]
        and left[0].kind in _NAMES_IN_TEXT
        and [token.kind in ("quoted", "word", "number") for token in value] == [True]
    )


def _check_setting(user: User, name: str, value: str) -> None:
    profile = user.profile
    now = profile.settings.get(name)
    if value == now:
        return
    if name == "profile" or (profile.readonly and (name == "readonly" or profile.readonly == 1)):
        raise ServerError(READONLY, f"{user.name}: Cannot modify '{name}' setting in readonly mode")
    constraint = profile.constraints.get(name)
    if constraint is None:
        return
    number = _number(value)
    low = constraint.least is not None and (number is None or number < constraint.least)
    high = constraint.most is not None and (number is None or number > constraint.most)
    if constraint.constant or low or high:
        least = "" if constraint.least is None else f" at least {constraint.least:g}"
        most = "" if constraint.most is None else f" at most {constraint.most:g}"
        rule = " not changed" if constraint.constant else f"{least}{most}"
        raise ServerError(
            SETTING_CONSTRAINT_VIOLATION, f"{user.name}: Setting {name} = {value} must be{rule}"
        )


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
