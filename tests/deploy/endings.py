"""How long the orderly end of each service may take, in seconds, by the settings' defaults."""

from collector.settings import CollectorSettings
from collector.sinks.spool import SpoolBounds
from enricher import app as enricher_app
from enricher import intake as enricher_intake
from eventrail.kafka import ending
from query_api.settings import QueryApiSettings
from writer.settings import WriterSettings

KINDS = (CollectorSettings, WriterSettings, QueryApiSettings)
"""Who sets other times than the defaults has to reckon anew."""


def longest(drain: float) -> dict[str, float]:
    """By service, where EVENTRAIL_DRAIN_SECONDS is `drain`."""
    collector, writer, query_api = CollectorSettings(), WriterSettings(), QueryApiSettings()
    return {
        # Requests that a stuck broker keeps waiting twice (docs/collector-under-load.md), and the connection's end.
        "collector": drain + 1 + collector.stop_timeout + 2 * collector.publish_timeout + 2,
        # In work and its commit, leaving the group; then salts, their writer, ends of partitions, and the publisher.
        "enricher": enricher_intake._FINISH_SECONDS
        + enricher_intake._COMMIT_SECONDS
        + enricher_app._LEAVE_SECONDS
        + 4 * ending.SECONDS,
        # What waits; then consumer, rejected topic, two of the erasures, two that ask for offsets.
        "writer": writer.grace_seconds + 6 * ending.SECONDS,
        # The longest answer; then the two connections of the erasures.
        "query-api": drain
        + query_api.max_wait_seconds
        + query_api.max_execution_seconds
        + 2 * ending.SECONDS,
        "auditor": 3 * ending.SECONDS,
    }


def longest_with_spool(drain: float) -> float:
    """A collector that has a spool empties it, hands on what is being sent, and takes its registration back."""
    patience = CollectorSettings().publish_timeout
    # Kafka and the disk once each for what is being sent, the disk's thread, and the last report; then its connection.
    return longest(drain)["collector"] + SpoolBounds.farewell + 4 * patience + 2
