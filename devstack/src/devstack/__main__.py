"""The commands of `./dev`, once Python and the workspace are there."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devstack import checks, status, testing, up
from devstack.errors import DevstackError, NotRunning
from devstack.images import check as images
from devstack.kubernetes import check as kubernetes_check
from devstack.ports import Addresses
from devstack.state import StateDir
from devstack.terminal import say, say_error

USAGE = Path(__file__).with_name("usage.txt").read_text(encoding="utf-8")
"""Also shown by the script `./dev` itself, before anything is installed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; trouble is told in words on stderr."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _dispatch(arguments)
    except NotRunning as error:
        say_error(str(error))
        return status.NOT_RUNNING
    except DevstackError as error:
        say_error(f"./dev: {error}")
        return 1
    except KeyboardInterrupt:
        return up.INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has seen enough; nothing is left to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("help", "-h", "--help"):
        say(USAGE.rstrip())
        return 0 if arguments else 2
    if arguments[0] == "test":
        return testing.run(arguments[1:])
    if arguments[0] == "faults":
        return testing.faults(arguments[1:])
    if arguments[0] == "bench":
        return testing.bench(arguments[1:])
    if arguments[0] == "images":
        return images.run(arguments[1:])
    options = _parser().parse_args(arguments)
    return int(options.run(options))


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def format_help(self) -> str:
        return USAGE

    def format_usage(self) -> str:
        return "see ./dev help\n"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="./dev")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    _add_up(commands.add_parser("up"))
    commands.add_parser("down").set_defaults(run=lambda _: status.down(StateDir.default()))
    commands.add_parser("check").set_defaults(run=lambda _: checks.run())
    kubernetes = commands.add_parser("k8s-check")
    kubernetes.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    kubernetes.set_defaults(run=lambda o: kubernetes_check.run(o.folders))
    for name in (
        "test",
        "faults",
        "bench",
        "images",
        "help",
    ):  # run by _dispatch; here for the list of a wrong command's message
        commands.add_parser(name)
    shown = commands.add_parser("status")
    shown.add_argument("--json", action="store_true")
    shown.set_defaults(run=_status)
    logs = commands.add_parser("logs")
    logs.add_argument("name", metavar="NAME")
    logs.add_argument("-f", "--follow", action="store_true")
    logs.set_defaults(run=lambda o: status.logs(StateDir.default(), o.name, go_on=o.follow))
    return parser


def _add_up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--no-demo", action="store_true")
    parser.add_argument("--data", type=Path, metavar="DIR")
    parser.add_argument("--port-base", type=int, metavar="N")
    parser.set_defaults(run=_up)


def _up(options: argparse.Namespace) -> int:
    base: int | None = options.port_base
    addresses = Addresses.default() if base is None else Addresses.from_base(base)
    return up.up(up.Options(options.once, not options.no_demo, options.data, addresses), StateDir.default())


def _status(options: argparse.Namespace) -> int:
    try:
        return status.status(StateDir.default(), as_json=options.json)
    except NotRunning:
        if options.json:
            say("[]")
        raise


if __name__ == "__main__":
    sys.exit(main())
