"""What is known of an address."""

from typing import NamedTuple

from eventrail.contract.v1.enriched_pb2 import Geo


class Place(NamedTuple):
    """A place, not to be changed by the caller, and the same as a fragment of an event (fragments.py)."""

    geo: Geo
    written: bytes
