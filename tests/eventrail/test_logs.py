import json
import logging
from collections import Counter
from collections.abc import Iterator

import pytest
import structlog

from eventrail import logs


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    # Tests with a broker or an engine silence its client for the whole process.
    driver = logging.getLogger("clickhouse_driver")
    silenced = driver.level
    driver.setLevel(logging.NOTSET)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    driver.setLevel(silenced)
    root.handlers, root.level = handlers, level


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_own_lines_and_those_of_libraries_are_json_objects(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("writer", "INFO")
    logs.get("writer.app").info("started", listen="127.0.0.1:8403")
    logging.getLogger("some.library").warning("watch %s", "out")
    own, other = lines(capsys)
    assert own["message"] == "started"
    assert own["listen"] == "127.0.0.1:8403"
    assert {own["service"], other["service"]} == {"writer"}
    assert (other["message"], other["level"], other["logger"]) == ("watch out", "warning", "some.library")


def test_an_exception_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("writer", "INFO")
    try:
        raise ValueError("broken")
    except ValueError:
        logs.get("writer.app").exception("failed")
    (line,) = lines(capsys)
    assert "ValueError: broken" in str(line["exception"])


def test_a_log_storm_of_the_kafka_client_is_held_back(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("writer", "INFO")
    for _ in range(1000):
        logging.getLogger("aiokafka.consumer.fetcher").error("cannot connect")
    assert len(lines(capsys)) == 1


@pytest.mark.parametrize(
    "library",
    [
        "aiokafka.consumer.group_coordinator",
        "clickhouse_driver.connection",
        "faust.transport.drivers.aiokafka",
    ],
)
def test_what_a_client_library_recovers_from_is_a_warning(
    capsys: pytest.CaptureFixture[str], library: str
) -> None:
    logs.configure("writer", "INFO")
    logging.getLogger(library).error("connection closed")
    logging.getLogger("writer.app").error("rows are lost")
    client, own = lines(capsys)
    assert (client["level"], client["message"]) == ("warning", "connection closed")
    assert own["level"] == "error"


def test_each_cause_of_ours_may_say_a_few_lines_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("writer", "INFO")
    for number in range(100):
        logs.get("writer.app").warning("commit failed", partition=number)
        logs.get("writer.app").error("rows are lost", partition=number)
        logs.get("writer.app").info("a file was read", number=number)
    texts = Counter(str(line["message"]) for line in lines(capsys))
    assert texts == {
        "commit failed": logs.LINES_OF_OURS,
        "rows are lost": logs.LINES_OF_OURS,
        "a file was read": 100,
    }


def test_the_next_line_says_how_many_were_held_back(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    logs.configure("writer", "INFO")
    for minute in range(2):
        now = 1000.0 + 60 * minute
        for _ in range(42):
            # A name of its own: other tests in this process silence the loggers of real libraries.
            logging.getLogger("some.library").warning("Invalid HTTP request received.")
            logs.get("writer.app").warning("commit failed")
    texts = [(line["message"], line.get("suppressed", 0)) for line in lines(capsys)]
    assert [count for text, count in texts if str(text).startswith("Invalid")] == [0, 41]
    assert [count for text, count in texts if text == "commit failed"] == [0] * 5 + [37] + [0] * 4


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("writer", "WARNING")
    logs.get("writer.app").info("started")
    assert lines(capsys) == []
