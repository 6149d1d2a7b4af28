"""The options of `python -m enricher replay`."""

import argparse


def add_options(options: argparse.ArgumentParser) -> None:
    """The options of `replay`."""
    group = options.add_argument_group("replay", "enrich stored events again and compare")
    group.add_argument("--from", dest="begin", metavar="T1", help="first acceptance time, RFC 3339")
    group.add_argument("--to", dest="end", metavar="T2", help="acceptance time to stop before, RFC 3339")
    group.add_argument(
        "--apply", action="store_true", help="write what differs as newer versions of the same events"
    )
    group.add_argument("--keep", action="store_true", help="leave the shadow table behind")
