import pytest
from pydantic import Field, ValidationError
from pydantic_settings import SettingsConfigDict

from eventrail.errors import ConfigurationError
from eventrail.settings import KafkaSettings, Settings, SharedSettings, help_text, load, variable


class Sample(Settings):
    model_config = SettingsConfigDict(env_prefix="SAMPLE_")

    size: int = Field(3, ge=1, description="How many, in pieces.")
    name: str = Field(description="What it is called.")


def test_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLE_SIZE", "7")
    monkeypatch.setenv("SAMPLE_NAME", "x")
    assert load(Sample) == Sample(size=7, name="x")


def test_empty_means_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLE_SIZE", "")
    monkeypatch.setenv("SAMPLE_NAME", "x")
    assert load(Sample).size == 3


def test_each_wrong_variable_is_named_with_its_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLE_SIZE", "0")
    with pytest.raises(ConfigurationError) as caught:
        load(Sample)
    first, second = str(caught.value).splitlines()
    assert first.startswith("SAMPLE_SIZE: ")
    assert "How many" in first
    assert second.startswith("SAMPLE_NAME: ")
    assert "What it is called" in second


def test_settings_are_frozen() -> None:
    settings, field = KafkaSettings(), "topic_partitions"
    with pytest.raises(ValidationError, match="frozen"):
        setattr(settings, field, 3)


def test_help_lists_every_setting_with_default_and_meaning() -> None:
    text = help_text(Sample, KafkaSettings)
    assert "SAMPLE_SIZE  [3]\n      How many, in pieces." in text
    assert "SAMPLE_NAME  [required]" in text
    for name in KafkaSettings.model_fields:
        assert variable(KafkaSettings, name) in text


def test_log_level_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTRAIL_LOG_LEVEL", "chatty")
    with pytest.raises(ConfigurationError, match=r"EVENTRAIL_LOG_LEVEL.*DEBUG, INFO, WARNING or ERROR"):
        load(SharedSettings)
