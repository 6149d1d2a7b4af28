"""A client of Kafka closes whatever it does."""

import asyncio

import pytest

from eventrail.kafka.offsets import close


class Client:
    """Ends as aiokafka's consumer may end with a broker that is away."""

    def __init__(self, fault: BaseException) -> None:
        self._fault = fault

    async def stop(self) -> None:
        raise self._fault


@pytest.mark.parametrize("fault", [asyncio.CancelledError(), OSError("away")])
async def test_what_a_client_raises_at_its_end_does_not_pass_for_our_own_end(fault: BaseException) -> None:
    await close(Client(fault))
