"""What is made of the broker's answers about topics, where the real broker seldom gives them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from eventrail.contract.topics import RAW, REJECTED, SALTS, Topic
from eventrail.errors import ConfigurationError, KafkaUnavailable
from eventrail.kafka import admin
from eventrail.settings import KafkaSettings

SETTINGS = KafkaSettings(
    kafka_security_protocol="SASL_PLAINTEXT",
    kafka_sasl_username="eventrail-writer",
    kafka_sasl_password="word",
)


def there(topic: Topic, code: int = 0) -> dict[str, Any]:
    partitions = [] if code else [{"replicas": [1]}]
    return {"topic": topic.name, "error_code": code, "partitions": partitions}


class Broker:
    """Answers metadata in turn, the last one again; and its code of an error for the settings of `hidden`."""

    def __init__(self, *metadata: list[dict[str, Any]], hidden: Topic | None = None, code: int = 0) -> None:
        self._metadata = list(metadata)
        self._hidden, self._code = hidden, code

    async def describe_topics(self, _names: Sequence[str]) -> list[dict[str, Any]]:
        return self._metadata.pop(0) if len(self._metadata) > 1 else self._metadata[0]

    async def describe_configs(self, resources: Sequence[Any]) -> list[Any]:
        return [SimpleNamespace(resources=[self._config(resource.name) for resource in resources])]

    def _config(self, name: str) -> tuple[Any, ...]:
        if self._hidden is not None and name == self._hidden.name:
            return self._code, "no", 2, name, []
        (topic,) = (one for one in (RAW, REJECTED, SALTS) if one.name == name)
        config = {**topic.config, "min.insync.replicas": "1", "unclean.leader.election.enable": "false"}
        return 0, "", 2, name, list(config.items())


async def verify(monkeypatch: pytest.MonkeyPatch, broker: Broker, *topics: Topic) -> None:
    @asynccontextmanager
    async def connected(_brokers: object) -> AsyncIterator[Broker]:
        yield broker

    monkeypatch.setattr(admin, "admin", connected)
    await admin.verify_topics(SETTINGS, topics)


async def test_brokers_that_disagree_about_a_new_topic_are_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await verify(monkeypatch, Broker([there(RAW)], [there(RAW, 3)]), RAW)


async def test_a_missing_topic_beside_one_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await verify(monkeypatch, Broker([there(RAW), there(REJECTED, 3)]), RAW, REJECTED)
    assert str(caught.value) == (
        f"topic {REJECTED.name} does not exist; run: python -m eventrail topics create"
    )


async def test_a_topic_that_our_user_may_not_see_is_not_called_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(KafkaUnavailable) as caught:
        await verify(monkeypatch, Broker([there(SALTS, 29), there(RAW), there(REJECTED, 29)]), RAW, SALTS)
    names = f"{REJECTED.name}, {SALTS.name}"
    assert str(caught.value) == f"eventrail-writer may not see {names}: python -m eventrail acls"


@pytest.mark.parametrize("code", [29, 31])
async def test_settings_that_our_user_may_not_see_are_not_called_wrong(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    broker = Broker([there(RAW), there(REJECTED)], hidden=REJECTED, code=code)
    with pytest.raises(KafkaUnavailable) as caught:
        await verify(monkeypatch, broker, RAW, REJECTED)
    assert str(caught.value) == f"eventrail-writer may not see {REJECTED.name}: python -m eventrail acls"


async def test_a_topic_that_goes_away_meanwhile_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KafkaUnavailable, match="UnknownTopicOrPartitionError"):
        await verify(monkeypatch, Broker([there(RAW)], hidden=RAW, code=3), RAW)
