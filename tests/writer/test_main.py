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


@pytest.mark.parametrize("time", ["yesterday", "2026-11-23T14:00:00", "2026-13-01T00:00:00Z"])
def test_rewind_to_a_time_that_is_none_ends_with_status_2(
    capsys: pytest.CaptureFixture[str], time: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rewind", "--to", time])
    assert ended.value.code == 2
    assert f"'{time}' is no time: write it as 2026-11-23T14:00:00Z, or earliest" in capsys.readouterr().err


@pytest.mark.parametrize("time", ["earliest", "2026-11-23T14:00:00Z", "2026-11-23T15:00:00+01:00"])
def test_rewind_without_a_broker_ends_with_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], unused_tcp_port: int, time: str
) -> None:
    monkeypatch.setenv("EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{unused_tcp_port}")
    assert main(["rewind", "--to", time]) == 1
    assert f"127.0.0.1:{unused_tcp_port}" in capsys.readouterr().err
