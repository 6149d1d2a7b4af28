"""JSON log lines on standard error, one object per line, for the services and their libraries alike."""

import logging
import sys
import time
from typing import Any

import structlog

LIMIT_SECONDS = 60.0
LINES_OF_LIBRARIES = 1
LINES_OF_OURS = 5
"""A cause of ours can name several partitions or files, each in a line of its own."""

_CLIENTS = ("aiokafka", "clickhouse_driver", "faust", "mode")


class RateLimit(logging.Filter):
    """Let a few warnings and errors of each cause through in each `seconds`, whoever writes them.

    A cause is a place in a library's code, or a text of ours. A broker outage makes aiokafka log hundreds of
    thousands of lines a minute (upstream behaviour), and each request for an engine that is away fails. The next
    line that passes says in `suppressed` how many were held back. What is below WARNING always passes.
    """

    def __init__(
        self,
        seconds: float = LIMIT_SECONDS,
        libraries: int = LINES_OF_LIBRARIES,
        ours: int = LINES_OF_OURS,
    ) -> None:
        super().__init__()
        self._seconds = seconds
        self._libraries = libraries
        self._ours = ours
        self._windows: dict[tuple[str, object], _Window] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        message: Any = record.msg
        is_ours = isinstance(message, dict)
        cause = (record.name, message.get("event")) if is_ours else (record.pathname, record.lineno)
        window = self._windows.setdefault(cause, _Window())
        if not window.takes(time.monotonic(), self._seconds, self._ours if is_ours else self._libraries):
            return False
        held = window.let_go()
        if is_ours and held:
            message["suppressed"] = held
        record.suppressed = held
        return True


class _Window:
    """What passed of one cause since `_began` (monotonic seconds), and what was held back since the last line."""

    def __init__(self) -> None:
        self._began = float("-inf")
        self._passed = 0
        self._held = 0

    def takes(self, now: float, seconds: float, lines: int) -> bool:
        if now - self._began >= seconds:
            self._began, self._passed = now, 0
        if self._passed >= lines:
            self._held += 1
            return False
        self._passed += 1
        return True

    def let_go(self) -> int:
        held, self._held = self._held, 0
        return held


def as_recovered(record: logging.LogRecord) -> bool:
    """Make an ERROR of a client library a WARNING: it tries again, and lost nothing.

    It writes ERROR for each lost connection, and for a group that has no coordinator yet. Whether
    anything is lost, or a person is needed, only the service knows, and then it says so itself.
    """
    if record.levelno == logging.ERROR and record.name.split(".")[0] in _CLIENTS:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def configure(service: str, level: str) -> None:
    """Send all logging of this process to standard error as JSON with `service` in each line, storms held back.

    Call once, at the door. `level` is a name such as "INFO".
    """
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(service, shared))
    handler.addFilter(as_recovered)
    handler.addFilter(RateLimit())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.getLogger("aiokafka").setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _formatter(service: str, shared: list[structlog.types.Processor]) -> structlog.stdlib.ProcessorFormatter:
    def add_service(
        _logger: object, _method: str, event: structlog.types.EventDict
    ) -> structlog.types.EventDict:
        event["service"] = service
        return event

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow=["suppressed"])],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            add_service,
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(),
        ],
    )


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Logger of a module; keyword arguments of its calls become fields of the line."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
