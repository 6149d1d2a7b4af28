"""What a service says about its websites."""

from prometheus_client import CollectorRegistry, Gauge

from eventrail.websites.listing import OpenWebsites
from eventrail.websites.watching import WebsitesFile


def install(registry: CollectorRegistry, websites: OpenWebsites | WebsitesFile) -> None:
    """Add the gauges of `websites` to `registry`; an open stack has none, because it has no file."""
    if isinstance(websites, OpenWebsites):
        return
    broken = Gauge(
        "eventrail_websites_broken",
        "1 while the newest version of the websites file cannot be used and an older one is, else 0.",
        registry=registry,
    )
    broken.set_function(lambda: float(websites.fault is not None))
    known = Gauge(
        "eventrail_websites",
        "Websites in the version of the websites file that is in use.",
        registry=registry,
    )
    known.set_function(lambda: len(websites.snapshot().all))
