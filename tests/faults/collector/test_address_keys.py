"""Address keys are changed by a restart; what was sealed before stays readable as long as its key is kept."""

import base64
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from eventrail.contract.codec import decode_raw
from eventrail.contract.topics import RAW
from eventrail.contract.v1.raw_pb2 import SealedAddress
from eventrail.sealing import AddressOpener, UnknownKey, parse_keys
from tests.faults.collector.child import EVENT, collector

pytestmark = pytest.mark.stack

OLD = "march:" + base64.b64encode(b"m" * 32).decode()
NEW = "april:" + base64.b64encode(b"a" * 32).decode()


async def sealed(kafka: str, ids: list[str]) -> list[SealedAddress]:
    found: dict[str, SealedAddress] = {}
    async with AIOKafkaConsumer(RAW.name, bootstrap_servers=kafka, auto_offset_reset="earliest") as consumer:
        async for record in consumer:
            found.update((event.event_id, event.client_address) for event in decode_raw(record.value or b""))
            if found.keys() >= set(ids):
                return [found[event_id] for event_id in ids]
    raise AssertionError(ids)


async def test_keys_rotate_with_a_restart_and_no_nonce_repeats(broker: str, tmp_path: Path) -> None:
    ids = []
    for keys in (OLD, OLD, f"{NEW},{OLD}"):
        async with collector(broker, tmp_path / "collector.log", address_keys=keys) as child:
            answer = await child.http.post("/e", json=[EVENT, EVENT])
            ids.append(answer.json()["event_ids"][0])
    first, again, rotated = await sealed(broker, ids)
    assert [address.key_id for address in (first, again, rotated)] == ["march", "march", "april"]
    # Same key, same counter: what keeps the nonces apart is the subkey of each process.
    assert first.counter == again.counter
    assert first.process_id != again.process_id
    assert first.ciphertext != again.ciphertext
    both, new = AddressOpener(parse_keys(f"{NEW},{OLD}")), AddressOpener(parse_keys(NEW))
    assert {str(both.open(address)) for address in (first, again, rotated)} == {"127.0.0.1"}
    assert str(new.open(rotated)) == "127.0.0.1"
    with pytest.raises(UnknownKey, match="march"):
        new.open(first)
