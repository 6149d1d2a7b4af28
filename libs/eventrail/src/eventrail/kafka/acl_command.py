"""`python -m eventrail acls`: the rights of each service's user at the brokers."""

import argparse
import asyncio
import json
from typing import Any

from eventrail.errors import ConfigurationError
from eventrail.kafka.acl_admin import apply_acls
from eventrail.kafka.acls import DEFAULT_PRINCIPAL, ROLES, as_commands, as_json
from eventrail.settings import KafkaSettings, load


def add(commands: Any) -> None:
    """Add the command to the subparsers of `python -m eventrail`."""
    command = commands.add_parser("acls", help="the rights of each service's user at the brokers")
    command.add_argument("--json", action="store_true", help="print JSON instead of kafka-acls.sh commands")
    command.add_argument(
        "--apply", action="store_true", help="give the rights, as a user who may alter the cluster"
    )
    command.add_argument(
        "--principal",
        default=DEFAULT_PRINCIPAL,
        metavar="TEXT",
        help="how a user is written; {role} stands for "
        + ", ".join(ROLES)
        + f" (default: {DEFAULT_PRINCIPAL})",
    )


def run(chosen: argparse.Namespace) -> int:
    """Exit status 0. Raises KafkaUnavailable or ConfigurationError."""
    principal = _checked(chosen.principal)
    if chosen.apply:
        count = asyncio.run(apply_acls(load(KafkaSettings), principal))
        print(f"{count} rights are as they must be")  # noqa: T201
    elif chosen.json:
        print(json.dumps(as_json(principal), indent=2))  # noqa: T201
    else:
        print("\n".join(as_commands(principal)))  # noqa: T201
    return 0


def _checked(principal: str) -> str:
    try:
        told_apart = principal.format(role="a") != principal.format(role="b")
    except (KeyError, IndexError, ValueError):
        told_apart = False
    if not told_apart or ":" not in principal or "'" in principal:
        raise ConfigurationError(
            f"--principal {principal!r}: write a type, a colon, and {{role}} in the name, as {DEFAULT_PRINCIPAL}"
        )
    return principal
