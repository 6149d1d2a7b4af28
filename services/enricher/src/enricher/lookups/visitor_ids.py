"""Visitor ids: keyed hashes that nobody can compute without the salt of the day."""

from functools import lru_cache, partial
from hashlib import blake2b
from typing import Final

from enricher.enrichments.fingerprint import SIZE, framed

_PURPOSE: Final = b"visitor.v1"
_WEBSITES_KEPT: Final = 1024


class VisitorIds:
    """The visitor ids under one `salt` of 16 to 64 bytes.

    To be quicker it keeps hashes that were begun with the salt and a website. They are as secret as the salt, and go
    with it: with the last reference to this.
    """

    def __init__(self, salt: bytes) -> None:
        self._begun = lru_cache(maxsize=_WEBSITES_KEPT)(partial(_begun, salt))

    def of(self, website_id: str, address: bytes, user_agent: str) -> str:
        """32 lower-case hexadecimal characters; another website, or another salt, gives another one."""
        hashed = self._begun(website_id).copy()
        hashed.update(framed(address, user_agent.encode()))
        return hashed.hexdigest()


def _begun(salt: bytes, website_id: str) -> blake2b:
    return blake2b(framed(website_id.encode()), digest_size=SIZE, key=salt, person=_PURPOSE)
