"""`python -m auditor`: the door of the auditor."""

import sys

from auditor import app
from auditor.settings import ALL, AuditorSettings
from eventrail import logs
from eventrail.errors import ConfigurationError
from eventrail.lifecycle import complain, parser, run
from eventrail.settings import SharedSettings, load


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 after an orderly end, 1 where the address is taken, 2 for a wrong setting."""
    parser("auditor", "Tell what became of each accepted event.", *ALL).parse_args(arguments)
    try:
        logs.configure("auditor", load(SharedSettings).log_level)
        load(AuditorSettings)
    except ConfigurationError as error:
        return complain("auditor", error)
    return run("auditor", app.run)


if __name__ == "__main__":
    sys.exit(main())
