"""The client's address: opened for the steps that need it, gone at the end (ARCHITECTURE.md, promise 4)."""

from enricher.draft import Draft
from enricher.world import World


def reject_forged_address(draft: Draft, world: World) -> None:
    """Notes the address for later steps; none was sealed where the collector did not know it.

    Raises ContractError for a sealed address that does not decrypt, UnknownKey for a key id that
    this process does not have (yet).
    """
    message = draft.raw.message
    if message.HasField("client_address"):
        draft.address = world.addresses.open_packed(message.client_address)


def scrub_address(draft: Draft, _world: World) -> None:
    """Forgets the address. No field of EnrichedEvent can hold it, so the note is all there is to forget."""
    draft.address = None
