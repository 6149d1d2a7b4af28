from collections.abc import Callable
from ipaddress import ip_address

import pytest

from enricher.enrichments.client_address import reject_forged_address, scrub_address
from enricher.world import World
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.errors import ContractError
from eventrail.sealing import UnknownKey
from tests.enricher.drafts import draft_of


@pytest.mark.parametrize("address", ["81.2.69.142", "2a02:cf40::1"])
def test_a_sealed_address_is_opened_for_later_steps(
    make_raw: Callable[..., RawEvent], world: World, address: str
) -> None:
    draft = draft_of(make_raw(address=address))
    reject_forged_address(draft, world)
    assert draft.address == ip_address(address).packed
    scrub_address(draft, world)
    assert draft.address is None


def test_an_event_without_an_address_passes(make_raw: Callable[..., RawEvent], world: World) -> None:
    draft = draft_of(make_raw(address=None))
    reject_forged_address(draft, world)
    assert draft.address is None


def test_forged_bytes_are_rejected_without_being_shown(
    make_raw: Callable[..., RawEvent], world: World
) -> None:
    raw = make_raw()
    raw.client_address.ciphertext = b"\x7f\0\0\1" + bytes(16)
    with pytest.raises(ContractError, match="client_address does not decrypt") as caught:
        reject_forged_address(draft_of(raw), world)
    assert caught.value.rule


def test_an_unknown_key_is_not_the_event_s_fault(make_raw: Callable[..., RawEvent], world: World) -> None:
    raw = make_raw()
    raw.client_address.key_id = "k9"
    with pytest.raises(UnknownKey, match="k9"):
        reject_forged_address(draft_of(raw), world)
