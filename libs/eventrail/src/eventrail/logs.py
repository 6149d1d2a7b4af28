"""JSON log lines on standard error, one object per line, for the services and their libraries alike."""

import logging
import sys
import time

import structlog

_NOISY = (
    "aiokafka",
    "aiokafka.cluster",
    "aiokafka.conn",
    "aiokafka.client",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.producer",
    "aiokafka.producer.sender",
    "clickhouse_driver.connection",
)


class RateLimit(logging.Filter):
    """Let one record per place in the code through each `seconds`.

    A broker outage makes aiokafka log hundreds of thousands of lines a minute (upstream behaviour);
    the next line that passes says in `suppressed` how many were held back.
    """

    def __init__(self, seconds: float = 10.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._last: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        place = (record.pathname, record.lineno)
        now = time.monotonic()
        last, held = self._last.get(place, (float("-inf"), 0))
        if now - last < self._seconds:
            self._last[place] = (last, held + 1)
            return False
        self._last[place] = (now, 0)
        record.suppressed = held
        return True


def as_recovered(record: logging.LogRecord) -> bool:
    """Make an ERROR of a client library a WARNING: it tries again, and lost nothing.

    It writes ERROR for each lost connection, and for a group that has no coordinator yet. Whether
    anything is lost, or a person is needed, only the service knows, and then it says so itself.
    """
    if record.levelno == logging.ERROR:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def configure(service: str, level: str) -> None:
    """Send all logging of this process to standard error as JSON with `service` in each line.

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
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.getLogger("aiokafka").setLevel(max(logging.WARNING, logging.getLevelName(level)))
    for name in _NOISY:
        logging.getLogger(name).addFilter(as_recovered)
        logging.getLogger(name).addFilter(RateLimit())


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
