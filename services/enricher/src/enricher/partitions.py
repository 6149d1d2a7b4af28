"""Which partition a key belongs to: what Kafka's default partitioner answers, here and in every other client."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, count: int) -> int:
    """Partition of `key` among `count`: murmur2 as in Kafka's Java client. Cached, for it is pure Python."""
    return int(murmur2(key) & 0x7FFFFFFF) % count
