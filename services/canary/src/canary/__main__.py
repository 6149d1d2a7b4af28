"""`python -m canary`: the door of the canary."""

import sys

from canary import app
from canary.settings import ALL, CanarySettings
from eventrail import logs
from eventrail.errors import ConfigurationError
from eventrail.lifecycle import complain, parser, run
from eventrail.settings import SharedSettings, load


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 after an orderly end, 1 where the address is taken, 2 for a wrong setting."""
    parser("canary", "Send an event every few seconds and watch it become an answer.", *ALL).parse_args(
        arguments
    )
    try:
        logs.configure("canary", load(SharedSettings).log_level)
        load(CanarySettings)
    except ConfigurationError as error:
        return complain("canary", error)
    return run("canary", app.run)


if __name__ == "__main__":
    sys.exit(main())
