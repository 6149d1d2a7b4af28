"""Which raw partition an event goes to: one visitor's events stay together and in order.

The hash is keyed, so that nobody without the secret can try addresses against the partitions of
their events (ARCHITECTURE.md, promise 4).
"""

import base64
import binascii
from hashlib import blake2b

from collector.client_address import Address
from eventrail.errors import ConfigurationError

_PURPOSE = b"eventrail.partition.v1"


def parse_secret(text: str) -> bytes:
    """The 32 bytes of EVENTRAIL_SALT_SECRET. Raises ConfigurationError that never shows them."""
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != 32:
        raise ConfigurationError("EVENTRAIL_SALT_SECRET: must be the base64 text of 32 bytes")
    return secret


class Partitioner:
    """Hashes of visitors under a key that is derived from `secret` (32 bytes) for this purpose alone."""

    def __init__(self, secret: bytes) -> None:
        self._keyed = blake2b(digest_size=8, key=blake2b(_PURPOSE, key=secret, digest_size=32).digest())

    def of_visitor(self, website_id: str, visitor_id: str) -> int:
        """64 bits that stand for a website and the visitor id its client sent."""
        return self._hash(f"{website_id}\0visitor\0{visitor_id}".encode())

    def of_client(self, website_id: str, address: Address | None, user_agent: str) -> int:
        """64 bits that stand for a website, an address (if known) and a user agent."""
        packed = address.packed if address else b""
        return self._hash(b"%b\0client\0%b\0%b" % (website_id.encode(), packed, user_agent.encode()))

    def _hash(self, what: bytes) -> int:
        hashing = self._keyed.copy()
        hashing.update(what)
        return int.from_bytes(hashing.digest())
