import base64

import pytest

from collector.__main__ import SETTINGS, main
from eventrail.settings import variable


def test_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    names = [variable(kind, name) for kind in SETTINGS for name in kind.model_fields]
    assert [name for name in names if name not in said] == []
    assert "EVENTRAIL_COLLECTOR_LISTEN  [127.0.0.1:8400]" in said


def test_without_secrets_it_says_which_and_how_to_make_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventrail.logs.configure", lambda *_arguments: None)
    monkeypatch.delenv("EVENTRAIL_SALT_SECRET", raising=False)
    assert main([]) == 2
    said = capsys.readouterr().err
    assert "EVENTRAIL_SALT_SECRET" in said
    assert "os.urandom(32)" in said


def test_it_does_not_start_open_where_a_websites_file_is_required(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventrail.logs.configure", lambda *_arguments: None)
    secret = base64.b64encode(bytes(range(32))).decode()
    monkeypatch.setenv("EVENTRAIL_SALT_SECRET", secret)
    monkeypatch.setenv("EVENTRAIL_ADDRESS_KEYS", f"k1:{secret}")
    monkeypatch.setenv("EVENTRAIL_REQUIRE_WEBSITES", "true")
    monkeypatch.delenv("EVENTRAIL_WEBSITES", raising=False)
    assert main([]) == 2
    assert "EVENTRAIL_WEBSITES is not set" in capsys.readouterr().err
