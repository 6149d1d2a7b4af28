"""Settings: the defaults of the spec, and wrong ones told by name."""

import pytest

from eventrail.contract import topics
from eventrail.errors import ConfigurationError
from eventrail.settings import help_text, load
from writer.settings import ALL, WriterSettings


def test_the_defaults_are_those_of_the_spec() -> None:
    settings = load(WriterSettings)
    assert (settings.flush_events, settings.flush_seconds) == (100, 5.0)
    assert settings.max_waiting_events == 10_000
    assert settings.group == topics.WRITER_GROUP
    assert settings.listen == "127.0.0.1:8403"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("EVENTRAIL_WRITER_FLUSH_EVENTS", "0"),
        ("EVENTRAIL_WRITER_FLUSH_SECONDS", "soon"),
        ("EVENTRAIL_WRITER_LISTEN", "8403"),
        ("EVENTRAIL_WRITER_GRACE_SECONDS", "-1"),
        ("EVENTRAIL_WRITER_HANDOVER_SECONDS", "60"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=variable):
        load(WriterSettings)


def test_every_setting_has_a_text() -> None:
    text = help_text(*ALL)
    for name in WriterSettings.model_fields:
        assert f"EVENTRAIL_WRITER_{name.upper()}" in text
    assert "None" not in text
