"""The options of `python -m enricher partitions`."""

import argparse


def add_options(options: argparse.ArgumentParser) -> None:
    """The options of `partitions`."""
    group = options.add_argument_group("partitions", "give the topics more partitions")
    group.add_argument(
        "--count", type=int, metavar="N", help="how many there shall be, a multiple of today's"
    )
    group.add_argument("--dry-run", action="store_true", help="only check, and say what would be done")
