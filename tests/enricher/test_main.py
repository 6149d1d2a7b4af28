import base64

import pytest

from enricher.__main__ import main

SECRET = base64.b64encode(bytes(32)).decode()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("EVENTRAIL_ADDRESS_KEYS", f"k1:{SECRET}")
    monkeypatch.setenv("EVENTRAIL_SALT_KEYS", f"s1:{SECRET}")
    monkeypatch.setattr("eventrail.logs.configure", lambda _service, _level: None)
    return monkeypatch


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVENTRAIL_SALT_KEYS", "s1:short"),
        ("EVENTRAIL_SALT_KEYS", ""),
        ("EVENTRAIL_ADDRESS_KEYS", "k1:short"),
        ("EVENTRAIL_ENRICHER_LISTEN", "nowhere"),
        ("EVENTRAIL_WEBSITES", "/nowhere/websites.yaml"),
        ("EVENTRAIL_REQUIRE_WEBSITES", "true"),
    ],
)
def test_a_wrong_setting_ends_with_status_2_and_names_itself(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    environment.setenv(name, value)
    assert main(["worker"]) == 2
    told = capsys.readouterr().err
    assert name in told or value in told
    assert "Traceback" not in told


def test_help_tells_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for name in ("EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS", "EVENTRAIL_SALT_KEYS", "EVENTRAIL_ENRICHER_LISTEN"):
        assert name in told


def test_an_unknown_job_is_refused() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dance"])
    assert ended.value.code == 2
