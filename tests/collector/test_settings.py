import pytest

from collector.settings import CollectorSettings, SecretSettings
from eventrail.errors import ConfigurationError
from eventrail.settings import load


def test_the_environment_is_read_and_empty_means_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTRAIL_COLLECTOR_LISTEN", "[::1]:9000")
    monkeypatch.setenv("EVENTRAIL_COLLECTOR_QUEUE_EVENTS", "100")
    monkeypatch.setenv("EVENTRAIL_COLLECTOR_LINGER_MS", "")
    found = load(CollectorSettings)
    assert (found.listen, found.queue_events, found.linger_ms) == ("[::1]:9000", 100, 2.0)


def test_the_queue_always_has_room_for_one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTRAIL_COLLECTOR_QUEUE_EVENTS", "49")
    with pytest.raises(ConfigurationError, match="EVENTRAIL_COLLECTOR_QUEUE_EVENTS"):
        load(CollectorSettings)


def test_the_secret_is_not_shown() -> None:
    assert "geheim" not in repr(SecretSettings(salt_secret="geheim"))
