"""Who may do what at the brokers: one list, printed by `python -m eventrail acls` and applied by `--apply`.

Each service has a user of its own. A service that is broken into can do what its line says and no more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from eventrail.contract import topics


class Kind(Enum):
    """What a right is about; the value is Kafka's code of the resource type."""

    TOPIC = 2
    GROUP = 3
    CLUSTER = 4


class Operation(Enum):
    """Kafka's code of an operation. Reading and writing imply describing."""

    READ = 3
    WRITE = 4
    CREATE = 5
    ALTER = 7
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11


@dataclass(frozen=True)
class Acl:
    """`role` may do `operation` on the `kind` called `name`."""

    role: str
    kind: Kind
    name: str
    operation: Operation


_READS: Final = (Operation.READ, Operation.DESCRIBE_CONFIGS)
# Where a topic ends, without what is in it.
_SEES: Final = (Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS)
_WRITES: Final = (Operation.WRITE, Operation.DESCRIBE_CONFIGS)
_BOTH: Final = (Operation.READ, Operation.WRITE, Operation.DESCRIBE_CONFIGS)
_MAKES: Final = (
    Operation.CREATE,
    Operation.DESCRIBE,
    Operation.DESCRIBE_CONFIGS,
)

# All services but the query API verify the settings of their topics at the start: hence DESCRIBE_CONFIGS.
_TOPICS: Final[dict[str, dict[str, Sequence[Operation]]]] = {
    "collector": {topics.RAW.name: _WRITES, topics.SPOOLS.name: _WRITES},
    "enricher": {
        topics.RAW.name: _READS,
        topics.ENRICHED.name: _WRITES,
        topics.REJECTED.name: _WRITES,
        topics.SALTS.name: _BOTH,
        topics.SESSIONS_CHANGELOG.name: _BOTH,
    },
    "writer": {
        topics.ENRICHED.name: _READS,
        topics.REJECTED.name: _WRITES,
        topics.ERASURES.name: _READS,
    },
    # Where the raw topic ends tells which events an erasure means.
    "auditor": {topics.RAW.name: _READS, topics.ENRICHED.name: _SEES, topics.REJECTED.name: _READS},
    "query-api": {
        topics.RAW.name: _SEES,
        topics.ENRICHED.name: (Operation.READ,),
        topics.ERASURES.name: _WRITES,
        topics.SPOOLS.name: (Operation.READ,),
    },
    "operator": {
        topics.REJECTED.name: _READS,
        topics.RAW.name: _WRITES,
        topics.ENRICHED.name: _WRITES,
        topics.SPOOLS.name: _BOTH,
    },
    # KEDA on Kubernetes: how many records wait for enricher and writer.
    "scaler": {topics.RAW.name: (Operation.DESCRIBE,), topics.ENRICHED.name: (Operation.DESCRIBE,)},
    "topics": {
        topic.name: (
            *_MAKES,
            # `python -m enricher partitions` adds partitions, and carries sessions to them.
            *(() if topic.single_partition else (Operation.ALTER,)),
            *((Operation.READ, Operation.WRITE) if topic == topics.SESSIONS_CHANGELOG else ()),
        )
        for topic in topics.ALL
    },
}

_GROUPS: Final[dict[str, dict[str, Sequence[Operation]]]] = {
    "enricher": {topics.ENRICHER_APP: (Operation.READ,)},
    "writer": {topics.WRITER_GROUP: (Operation.READ,)},
    "auditor": {
        topics.AUDITOR_GROUP: (Operation.READ,),
        # How far the others have committed tells what is still in flight.
        topics.ENRICHER_APP: (Operation.DESCRIBE,),
        topics.WRITER_GROUP: (Operation.DESCRIBE,),
    },
    "query-api": {topics.ENRICHER_APP: (Operation.DESCRIBE,), topics.WRITER_GROUP: (Operation.DESCRIBE,)},
    "scaler": {topics.ENRICHER_APP: (Operation.DESCRIBE,), topics.WRITER_GROUP: (Operation.DESCRIBE,)},
    "topics": {topics.ENRICHER_APP: (Operation.DESCRIBE,)},
}

ROLES: Final = tuple(_TOPICS)
"""The users that an installation needs; the migrations never speak to Kafka."""

DEFAULT_PRINCIPAL: Final = "User:eventrail-{role}"
"""How a role's principal is written: SASL users `eventrail-collector` and so on."""


def all_acls() -> tuple[Acl, ...]:
    """Every right of every role."""
    return (*_of(Kind.TOPIC, _TOPICS), *_of(Kind.GROUP, _GROUPS))


def _of(kind: Kind, table: dict[str, dict[str, Sequence[Operation]]]) -> Iterator[Acl]:
    for role, resources in table.items():
        for name, operations in resources.items():
            for operation in operations:
                yield Acl(role, kind, name, operation)


def as_commands(principal: str = DEFAULT_PRINCIPAL) -> list[str]:
    """One line for Apache Kafka's own `kafka-acls.sh` per role and resource; `{role}` in `principal` is replaced."""
    lines: dict[tuple[str, Kind, str], list[str]] = {}
    for acl in all_acls():
        lines.setdefault((acl.role, acl.kind, acl.name), []).append(_spoken(acl.operation))
    return [
        'kafka-acls.sh --bootstrap-server "$BROKERS" --command-config admin.properties --add'
        f" --allow-principal '{principal.format(role=role)}'"
        f" {' '.join(f'--operation {operation}' for operation in operations)}"
        f" --{kind.name.lower()} {name}"
        for (role, kind, name), operations in lines.items()
    ]


def _spoken(operation: Operation) -> str:
    return "".join(word.capitalize() for word in operation.name.split("_"))


def as_json(principal: str = DEFAULT_PRINCIPAL) -> list[dict[str, str]]:
    """Every right as plain members, for tools that make ACLs from a file."""
    return [
        {
            "principal": principal.format(role=acl.role),
            "host": "*",
            "resource_type": acl.kind.name,
            "resource_name": acl.name,
            "pattern_type": "LITERAL",
            "operation": acl.operation.name,
            "permission": "ALLOW",
        }
        for acl in all_acls()
    ]
