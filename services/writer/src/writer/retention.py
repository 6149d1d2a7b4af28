"""How many days the events of a website are kept, from the websites' file; read elsewhere, so no IO here."""

from collections.abc import Callable
from functools import cache

from eventrail.websites import Websites

Days = Callable[[str], int]
"""Days by website id; 0 without a limit, also for a website that is not listed (any more)."""


def days_kept(websites: Websites) -> Days:
    """The days by one version of the file: ask anew for each batch."""
    snapshot = websites.snapshot()

    @cache
    def days(website_id: str) -> int:
        website = snapshot.find(website_id)
        return (website.retention_days or 0) if website else 0

    return days


def without_limit(_website_id: str) -> int:
    """Days where no website has a limit."""
    return 0
