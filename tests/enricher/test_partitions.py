import pytest
from aiokafka import partitioner
from hypothesis import given
from hypothesis import strategies as st

from enricher.partitions import key_hash, murmur2

# Computed with org.apache.kafka.common.utils.Utils.murmur2, as Kafka's own tests state them.
MURMUR2 = [
    (b"21", -973932308),
    (b"foobar", -790332482),
    (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    (b"abc", 479470107),
]


@pytest.mark.parametrize(("key", "hashed"), MURMUR2)
def test_a_key_has_the_partition_that_kafkas_java_client_gives_it(key: bytes, hashed: int) -> None:
    for count in (1, 3, 8, 64):
        assert key_hash(key) % count == (hashed & 0x7FFFFFFF) % count


@given(st.binary(max_size=80))
def test_every_key_is_hashed_as_by_the_kafka_library(key: bytes) -> None:
    assert murmur2(key) == partitioner.murmur2(key)
