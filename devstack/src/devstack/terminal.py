"""What the person at the terminal reads: answers on stdout, trouble on stderr, at once."""

import sys


def say(text: str = "") -> None:
    """Print one message of a command to stdout, flushed, so that a pipe sees it in time too."""
    print(text, flush=True)  # noqa: T201


def say_error(text: str) -> None:
    """Print what went wrong to stderr, flushed."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201
