from types import SimpleNamespace
from typing import Any

from enricher.metrics import Metrics
from enricher.offsets import OffsetAccount
from enricher.readiness import Readiness
from enricher.waits import ADDRESS_KEY, Waits
from eventrail.clock import ManualClock


async def reachable() -> str:
    return "ok"


async def test_it_is_ready_when_kafka_answers_the_group_is_joined_and_nothing_waits() -> None:
    publisher: Any = SimpleNamespace(reachable=reachable)
    waits = Waits(Metrics(), ManualClock())
    readiness = Readiness(publisher, waits)
    health = readiness.health()

    readiness.startup = "no answer from Kafka"
    ready, checks = await health.ask()
    assert not ready
    assert checks["kafka"] == "no answer from Kafka"

    readiness.startup = "ok"
    ready, checks = await health.ask()
    assert not ready
    assert (checks["kafka"], checks["stream"]) == ("ok", "ok")
    assert checks["group"] != "ok"

    account = OffsetAccount()
    intake: Any = SimpleNamespace(account=account)
    readiness.intake = intake
    assert (await health.ask())[0] is False
    account.begin(1, {})
    assert await health.ask() == (True, {"kafka": "ok", "group": "ok", "stream": "ok"})

    waits.begin(ADDRESS_KEY, "key k2 is missing")
    ready, checks = await health.ask()
    assert not ready
    assert "k2" in checks["stream"]


async def test_a_broken_websites_file_is_told_but_stops_nothing() -> None:
    publisher: Any = SimpleNamespace(reachable=reachable)
    readiness = Readiness(publisher, Waits(Metrics(), ManualClock()))

    async def older() -> str:
        return "an older version is in use"

    readiness.websites = older
    readiness.startup = "ok"
    account = OffsetAccount()
    account.begin(1, {})
    intake: Any = SimpleNamespace(account=account)
    readiness.intake = intake
    ready, checks = await readiness.health().ask()
    assert ready
    assert checks["websites"] == "an older version is in use"
