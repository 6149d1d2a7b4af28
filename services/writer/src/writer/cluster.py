"""The schema on a cluster: each statement of `schema/*.sql` as statements ON CLUSTER. Pure.

A table `t` becomes two: `t_local`, replicated, which holds the rows of one shard, and `t` over it, `Distributed`, which
every service uses by its name. The sharding key is the hash of the sort key: whatever counts as one row lies on one
shard, where FINAL finds it (docs/adr/0022-clusters.md).

What the rules do not know is an error: a statement that ran on one server alone would be found years later.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from eventrail.errors import ConfigurationError

_TOKEN: Final = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)|'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|\w+|\s+|.", re.DOTALL
)
_CREATE: Final = re.compile(r"CREATE\s+TABLE\s+IF\s+NOT\s+EXISTS\s+(\w+)\s*\Z", re.IGNORECASE)
_ENGINE: Final = re.compile(r"\s*ENGINE\s*=\s*((?:Replacing)?MergeTree)\b\s*", re.IGNORECASE)
_ALTER: Final = re.compile(r"ALTER\s+TABLE\s+(\w+)\s+(.+)\Z", re.IGNORECASE | re.DOTALL)
_DROP: Final = re.compile(r"DROP\s+TABLE\s+IF\s+EXISTS\s+(\w+)\s*\Z", re.IGNORECASE)
_SORT_KEY: Final = re.compile(
    r"\bORDER\s+BY\s+(.+?)\s*(?=\b(?:PARTITION\s+BY|PRIMARY\s+KEY|SAMPLE\s+BY|TTL|SETTINGS|COMMENT)\b|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_OF_ROWS: Final = r"(?:MODIFY|REMOVE)\s+TTL|(?:MODIFY|RESET)\s+SETTING|(?:ADD|DROP)\s+INDEX"
_OF_COLUMNS: Final = r"(?:ADD|MODIFY|COMMENT)\s+COLUMN"
_DISTRIBUTED: Final = re.compile(r"Distributed\('([\w.-]+)', '.*?', '(\w+)'")
_ACTION: Final = re.compile(
    rf"(?:(?P<rows>{_OF_ROWS})|(?P<columns>{_OF_COLUMNS})|(?P<drop>DROP\s+COLUMN))\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster of the servers' own configuration, and where a database of it lies.

    `replica_path` and `replica_name` are the arguments of a replicated table; macros in them are the servers'.
    `shards` tells how many there are and how they are weighted: it decides where a row belongs.
    """

    name: str
    database: str
    replica_path: str
    replica_name: str
    shards: str = ""

    def clause(self) -> str:
        """`ON CLUSTER` with the name."""
        return f"ON CLUSTER {quoted(self.name)}"

    def local(self, table: str) -> str:
        """The table of one shard, with its database."""
        return f"{quoted(self.database)}.{quoted(local_name(table))}"

    def plain(self, table: str) -> str:
        """The table that services use, with its database."""
        return f"{quoted(self.database)}.{quoted(table)}"


class _Part(NamedTuple):
    """A piece of a statement; `depth` counts the parentheses that are open around it."""

    text: str
    depth: int


def local_name(table: str) -> str:
    """Name of the table that holds the rows of one shard."""
    return f"{table}_local"


def rows_of(table: str, engine: str) -> str:
    """Where rows of `table` are deleted: on a cluster, in all its shards. `engine` as `engine_full` has it."""
    found = _DISTRIBUTED.match(engine)
    return f"{found[2]} ON CLUSTER {quoted(found[1])}" if found else table


def quoted(name: str) -> str:
    """A name as SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def on_cluster(statement: str, cluster: Cluster) -> list[str]:
    """What has to be run, in this order, in place of `statement`. Each may run twice, and on several servers at once.

    Raises ConfigurationError where no rule knows the statement.
    """
    parts = list(_parts(statement))
    text = "".join(part.text for part in parts).strip()
    if (matched := _DROP.match(text)) is not None:
        return _drop(matched[1], cluster)
    if (matched := _ALTER.match(text)) is not None:
        return _alter(matched[1], matched[2].strip(), cluster)
    return _create(parts, cluster)


def _parts(statement: str) -> Iterator[_Part]:
    """All but the comments. A parenthesis belongs to what is around it."""
    depth = 0
    for token in _TOKEN.finditer(statement):
        if token["comment"]:
            continue
        text = token[0]
        depth -= text in (")", "]")
        yield _Part(text, depth)
        depth += text in ("(", "[")


def _unknown(parts: list[_Part] | str, why: str) -> ConfigurationError:
    text = parts if isinstance(parts, str) else "".join(part.text for part in parts)
    begin = " ".join(text.split())[:80]
    return ConfigurationError(f"schema: {why}, so it cannot be put on a cluster: {begin}")


def _create(parts: list[_Part], cluster: Cluster) -> list[str]:
    opening = [at for at, part in enumerate(parts) if part == ("(", 0)]
    closing = [at for at, part in enumerate(parts) if part == (")", 0)]
    if not opening or len(opening) != len(closing):
        raise _unknown(parts, "no rule for such a statement")
    head = "".join(part.text for part in parts[: opening[0]]).strip()
    columns = "".join(part.text for part in parts[opening[0] : closing[0] + 1])
    tail = parts[closing[0] + 1 :]
    named = _CREATE.match(head)
    engine = _ENGINE.match("".join(part.text for part in tail))
    if named is None or engine is None:
        raise _unknown(parts, "no rule for such a statement")
    arguments, rest = _arguments(tail, engine.end())
    return [
        _local(cluster, named[1], columns, engine[1], arguments, rest),
        _distributed(cluster, named[1], _sort_key(rest)),
    ]


def _local(cluster: Cluster, table: str, columns: str, engine: str, arguments: str, rest: list[_Part]) -> str:
    given = [literal(cluster.replica_path), literal(cluster.replica_name), *filter(None, [arguments])]
    return (
        f"CREATE TABLE IF NOT EXISTS {cluster.local(table)} {cluster.clause()}\n{columns}\n"
        f"ENGINE = Replicated{engine}({', '.join(given)})\n{''.join(part.text for part in rest).strip()}"
    )


def _distributed(cluster: Cluster, table: str, key: str) -> str:
    where = [literal(name) for name in (cluster.name, cluster.database, local_name(table))]
    return (
        f"CREATE TABLE IF NOT EXISTS {cluster.plain(table)} {cluster.clause()} AS {cluster.local(table)}\n"
        f"ENGINE = Distributed({', '.join(where)}, cityHash64({key}))\nCOMMENT {literal(cluster.shards)}"
    )


def _arguments(tail: list[_Part], engine_end: int) -> tuple[str, list[_Part]]:
    """Arguments of the engine without their parentheses, and what follows."""
    at = length = 0
    while length < engine_end:
        length += len(tail[at].text)
        at += 1
    if at == len(tail) or tail[at] != ("(", 0):
        return "", tail[at:]
    end = next(place for place in range(at, len(tail)) if tail[place] == (")", 0))
    return "".join(part.text for part in tail[at + 1 : end]).strip(), tail[end + 1 :]


def _outlined(part: _Part) -> str:
    """The part, or as many `x` where its words are no clauses."""
    return part.text if part.depth == 0 and part.text[0] not in "'`" else "x" * len(part.text)


def _sort_key(rest: list[_Part]) -> str:
    """What stands behind ORDER BY, as a list of expressions without parentheses around it."""
    outline = "".join(map(_outlined, rest))
    found = _SORT_KEY.search(outline)
    if found is None:
        raise _unknown(rest, "a table without ORDER BY has no copies that could meet")
    text = "".join(part.text for part in rest)[found.start(1) : found.end(1)]
    bare = text[1:-1] if outline[found.start(1)] == "(" and text.endswith(")") else text
    if not bare.strip():
        raise _unknown(rest, "an empty ORDER BY names no copies that could meet")
    return bare.strip()


def _alter(table: str, actions: str, cluster: Cluster) -> list[str]:
    found = [_ACTION.match(action.strip()) for action in _actions(actions)]
    kinds = {one.lastgroup or "" if one else "" for one in found}
    if "" in kinds:
        raise _unknown(f"ALTER TABLE {table} {actions}", "no rule for such a change")
    if len(kinds) > 1:
        raise _unknown(f"ALTER TABLE {table} {actions}", "changes of several kinds stand in one statement")
    local, plain = (
        f"ALTER TABLE {name} {cluster.clause()} {actions}"
        for name in (cluster.local(table), cluster.plain(table))
    )
    # Nobody may be shown a column that a shard has not, neither before nor after.
    return {"rows": [local], "columns": [local, plain], "drop": [plain, local]}[kinds.pop()]


def _actions(text: str) -> list[str]:
    """The changes of one ALTER; only the last may have clauses of the statement behind it."""
    found = [""]
    for part in _parts(text):
        if part == (",", 0):
            found.append("")
        else:
            found[-1] += part.text
    return found


def _drop(table: str, cluster: Cluster) -> list[str]:
    return [
        f"DROP TABLE IF EXISTS {name} {cluster.clause()} SYNC"
        for name in (cluster.plain(table), cluster.local(table))
    ]
