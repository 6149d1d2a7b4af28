"""`python -m eventrail contract verify` as a user who may not read: told who, and where the rights are."""

import asyncio

import pytest

from eventrail.__main__ import main
from eventrail.contract.topics import ENRICHED, SALTS
from eventrail.kafka.records import Record, producer, send
from tests.faults.security.broker import SecureBroker

pytestmark = pytest.mark.stack


async def verify(
    secure: SecureBroker, role: str, topic: str, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    for name, value in secure.environment(role).items():
        patch.setenv(name, value)
    patch.setattr("eventrail.logs.configure", lambda *_: None)  # it is the whole process's
    status = await asyncio.to_thread(main, ["contract", "verify", "--topic", topic])
    return status, capsys.readouterr().err


async def test_who_may_not_see_a_topic_is_told(
    secure: SecureBroker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for topic in (SALTS.name, "not-even-there"):
        status, told = await verify(secure, "writer", topic, monkeypatch, capsys)
        assert status == 1
        assert told == (
            f"eventrail contract: eventrail-writer may not see {topic}, if it exists at all; "
            "docs/subscribe.md, section Access, has the rights of a subscriber\n"
        )


async def test_who_may_see_but_not_read_is_told(
    secure: SecureBroker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with producer(secure.plain) as sender:
        await send(sender, ENRICHED.name, 0, [Record(None, key=b"rights-test")])
    status, told = await verify(secure, "enricher", ENRICHED.name, monkeypatch, capsys)
    assert (status, told) == (1, f"eventrail contract: {ENRICHED.name}: this user may not read it\n")
