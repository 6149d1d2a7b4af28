"""`python -m tests.enricher.releases VERSION`: record what this release writes."""

import sys

from tests.enricher.releases import record
from tests.enricher.releases.making import written_by_this_release

if __name__ == "__main__":
    print(record(sys.argv[1], written_by_this_release()))  # noqa: T201 - read at a terminal
