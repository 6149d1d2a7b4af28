import asyncio

import pytest

from eventrail.kafka.ending import end


async def test_what_a_client_raises_at_its_end_is_nobodys_concern() -> None:
    async def stop() -> None:
        raise OSError("gone")

    await end(stop())


async def test_the_cancellation_of_a_clients_own_task_is_not_ours() -> None:
    async def stop() -> None:
        raise asyncio.CancelledError

    await end(stop())
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0


async def test_an_end_without_end_is_left() -> None:
    ended = asyncio.Event()

    async def stop() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    await end(stop(), 0.01)
    await asyncio.wait_for(ended.wait(), 5)


async def test_our_own_cancellation_passes() -> None:
    waiting = asyncio.ensure_future(end(asyncio.sleep(60)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
