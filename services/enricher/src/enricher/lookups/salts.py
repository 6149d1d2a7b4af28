"""Where the days' salts come from."""

from functools import lru_cache
from hashlib import blake2b

from eventrail.errors import ConfigurationError

_SECRET_MIN_BYTES = 16


class DerivedSalts:
    """Salts that follow from one secret of the environment, equal in all replicas that share it.

    Whoever has the secret can compute any day's salt for as long as it exists. Random salts that are
    forgotten 48 h after their day replace this with the issue "Enrichment: right, private, and the same each time".
    """

    def __init__(self, secret: bytes) -> None:
        """Raises ConfigurationError for a secret below 16 bytes."""
        if len(secret) < _SECRET_MIN_BYTES:
            raise ConfigurationError(
                f"the secret for visitor salts has {len(secret)} bytes, but needs at least {_SECRET_MIN_BYTES}"
            )
        key = blake2b(secret).digest()
        self._of = lru_cache(maxsize=16)(lambda utc_day: _derive(key, utc_day))

    def of(self, utc_day: int) -> bytes:
        """The salt of a UTC day in days since 1970-01-01, 32 bytes."""
        return self._of(utc_day)


def _derive(key: bytes, utc_day: int) -> bytes:
    day = utc_day.to_bytes(8, "big", signed=True)
    return blake2b(day, digest_size=32, key=key, person=b"eventrail.salt.1").digest()
