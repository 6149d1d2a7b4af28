"""The door: what a person sees of it."""

import pytest

from writer.__main__ import main


def test_help_lists_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for variable in (
        "EVENTRAIL_WRITER_FLUSH_SECONDS",
        "EVENTRAIL_CLICKHOUSE_URL",
        "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS",
    ):
        assert variable in shown
    assert "migrate" in shown


def test_a_wrong_setting_ends_with_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVENTRAIL_WRITER_FLUSH_EVENTS", "many")
    assert main([]) == 2
    assert "EVENTRAIL_WRITER_FLUSH_EVENTS" in capsys.readouterr().err


def test_migrate_without_an_engine_ends_with_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], unused_tcp_port: int
) -> None:
    monkeypatch.setenv("EVENTRAIL_CLICKHOUSE_URL", f"clickhouse://127.0.0.1:{unused_tcp_port}/x")
    assert main(["migrate"]) == 1
    assert "no answer from ClickHouse" in capsys.readouterr().err


def test_migrate_without_a_database_ends_with_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVENTRAIL_CLICKHOUSE_URL", "clickhouse://127.0.0.1:1")
    assert main(["migrate"]) == 2
    assert "names no database" in capsys.readouterr().err
