"""`python -m eventrail websites`: check a file before it is rolled out, make a server key."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from eventrail.errors import ConfigurationError
from eventrail.websites import keys
from eventrail.websites.watching import read_file


def add(commands: Any) -> None:
    """Add `websites check FILE` and `websites key` to the subcommands of an argument parser."""
    websites = commands.add_parser("websites", help="check websites.yaml, make a server key")
    actions = websites.add_subparsers(dest="action", required=True)
    check = actions.add_parser("check", help="read FILE and tell every error with its line")
    check.add_argument("file", type=Path)
    actions.add_parser("key", help="make a random server key and print it with its hash")


def run(chosen: argparse.Namespace) -> int:
    """Do what was chosen and print the outcome: status 0, or 2 where the file is wrong."""
    if chosen.action == "key":
        print(key_text(os.urandom(keys.KEY_BYTES)))  # noqa: T201 - read at a terminal
        return 0
    try:
        found = read_file(chosen.file)
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    print(f"{chosen.file}: {len(found.all):,} websites, all in order")  # noqa: T201
    return 0


def key_text(random: bytes) -> str:
    """A key made from 32 random bytes, with the lines for the file and what to do with both."""
    key = keys.make(random)
    return (
        f"key (shown only here; give it to the server that sends): {key}\n"
        "entry for websites.yaml, below server_keys:\n"
        f"  - id: choose-a-name\n    hash: {keys.hash_of(key)}\n    scopes: [send]"
    )
