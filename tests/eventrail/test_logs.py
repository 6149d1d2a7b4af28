import json
import logging
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
    filters = {name: logging.getLogger(name).filters[:] for name in logs._NOISY}
    yield
    structlog.reset_defaults()
    driver.setLevel(silenced)
    root.handlers, root.level = handlers, level
    for name, kept in filters.items():
        logging.getLogger(name).filters = kept


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


@pytest.mark.parametrize("library", ["aiokafka.consumer.group_coordinator", "clickhouse_driver.connection"])
def test_what_a_client_library_recovers_from_is_a_warning(
    capsys: pytest.CaptureFixture[str], library: str
) -> None:
    logs.configure("writer", "INFO")
    logging.getLogger(library).error("connection closed")
    logging.getLogger("writer.app").error("rows are lost")
    client, own = lines(capsys)
    assert (client["level"], client["message"]) == ("warning", "connection closed")
    assert own["level"] == "error"


def test_the_next_line_says_how_many_were_held_back() -> None:
    limit = logs.RateLimit(seconds=0.0)
    record = logging.LogRecord("aiokafka", logging.ERROR, "x.py", 1, "m", None, None)
    limit._last["x.py", 1] = (0.0, 41)
    assert limit.filter(record)
    assert record.__dict__["suppressed"] == 41


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("writer", "WARNING")
    logs.get("writer.app").info("started")
    assert lines(capsys) == []
