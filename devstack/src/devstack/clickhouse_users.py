"""Each program of the stack has its own user at ClickHouse, as in production: deploy/clickhouse/users.xml."""

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from devstack.checkout import CHECKOUT
from devstack.clickhouse.probe import USERS_VARIABLE
from devstack.ports import Address

FILE = CHECKOUT / "deploy" / "clickhouse" / "users.xml"

ROLES = ("migrator", "writer", "reader", "auditor", "operator")

_ROLE_OF = {"writer migrate": "migrator", "writer": "writer", "query-api": "reader", "auditor": "auditor"}
"""Programs and jobs by their name; whatever is not here does not speak to ClickHouse."""


def password(role: str, secret: str) -> str:
    """The role's password: the same at each start of the same data, and no secret can be told from it."""
    return hmac.new(secret.encode(), f"clickhouse user {role}".encode(), hashlib.sha256).hexdigest()[:32]


def digests(secret: str) -> dict[str, str]:
    """What the users' file takes from the environment: a SHA-256 for each role's password."""
    return {
        f"EVENTRAIL_CLICKHOUSE_{role.upper()}_SHA256": hashlib.sha256(
            password(role, secret).encode()
        ).hexdigest()
        for role in ROLES
    }


def url(role: str, secret: str, server: Address, database: str = "eventrail") -> str:
    """Where a role finds its database."""
    return f"clickhouse://eventrail_{role}:{password(role, secret)}@{server}/{database}"


def own_variables(server: Address, secret: str, file: Path = FILE) -> dict[str, Mapping[str, str]]:
    """What only one program or job is told, by its name."""
    own: dict[str, Mapping[str, str]] = {"clickhouse": {USERS_VARIABLE: str(file), **digests(secret)}}
    for name, role in _ROLE_OF.items():
        own[name] = {"EVENTRAIL_CLICKHOUSE_URL": url(role, secret, server)}
    return own
