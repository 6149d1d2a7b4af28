import base64

import pytest

from enricher.settings import EnricherSettings, LookupSettings
from eventrail.errors import ConfigurationError
from eventrail.sealing import parse_keys
from eventrail.settings import help_text, load

SECRET = base64.b64encode(bytes(range(32))).decode()


def test_the_defaults_are_those_of_the_docs() -> None:
    settings = load(EnricherSettings)
    assert settings.listen == "127.0.0.1:8402"
    assert settings.commit_interval_seconds == 1
    assert settings.session_timeout_seconds == 10
    assert settings.heartbeat_interval_seconds == 1
    assert (settings.breaker_share, settings.breaker_minimum, settings.watchdog_seconds) == (0.2, 100, 120)
    assert settings.watchdog_seconds == 120
    assert settings.data_dir is None


def test_keys_are_shown_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTRAIL_SALT_KEYS", f"s1:{SECRET}")
    settings = load(LookupSettings)
    assert parse_keys(settings.salt_keys, "EVENTRAIL_SALT_KEYS") == {"s1": bytes(range(32))}
    assert SECRET not in repr(settings)
    assert settings.geoip_database is None


@pytest.mark.parametrize("secret", ["short", "%%%", base64.b64encode(b"x" * 31).decode(), SECRET + "AA"])
def test_a_wrong_key_is_refused_by_name_and_not_shown(secret: str) -> None:
    with pytest.raises(ConfigurationError, match=r"EVENTRAIL_SALT_KEYS: key 1 .*32 bytes") as error:
        parse_keys(f"s1:{secret}", "EVENTRAIL_SALT_KEYS")
    assert secret not in str(error.value)


def test_a_missing_secret_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENTRAIL_SALT_KEYS", raising=False)
    with pytest.raises(ConfigurationError, match="EVENTRAIL_SALT_KEYS"):
        load(LookupSettings)


@pytest.mark.parametrize(
    ("name", "value"),
    [("LISTEN", "nowhere"), ("SESSION_TIMEOUT_SECONDS", "1"), ("WATCHDOG_SECONDS", "0")],
)
def test_wrong_values_are_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"EVENTRAIL_ENRICHER_{name}", value)
    with pytest.raises(ConfigurationError, match=f"EVENTRAIL_ENRICHER_{name}"):
        load(EnricherSettings)


def test_every_setting_has_a_help_text() -> None:
    assert "None" not in help_text(EnricherSettings, LookupSettings)
