"""The errors of Eventrail.

EventrailError
├── ConfigurationError      a setting is wrong; a person must change it, the process ends with status 2
├── ContractError           bytes that are no valid message; the record is rejected, the stream goes on
├── TokenError              text that is no token of a receipt; the sender is told (HTTP: 400)
└── UnavailableError        a backend does not answer; wait and try again (HTTP: 503 with Retry-After)
    ├── KafkaUnavailable
    │   └── TopicMissing    somebody has to create it
    └── ClickHouseUnavailable

Each service hangs its own errors below EventrailError.
"""


class EventrailError(Exception):
    """Root of all errors that Eventrail raises on purpose."""


class ConfigurationError(EventrailError):
    """A setting, topic or table is not as it must be; trying again does not help."""


class ContractError(EventrailError):
    """Bytes that are no valid message of the contract.

    `rule` is True where the bytes decode but break a rule that the .proto file states, False where
    they do not decode at all.
    """

    def __init__(self, message: str, *, rule: bool = False) -> None:
        super().__init__(message)
        self.rule = rule


class TokenError(EventrailError):
    """Text that is no token of a receipt; the message says what is wrong with it and what to do."""


class UnavailableError(EventrailError):
    """A backend is away or does not answer in time; nothing was lost and a retry may succeed."""


class KafkaUnavailable(UnavailableError):
    """The broker is away or did not acknowledge in time."""


class TopicMissing(KafkaUnavailable):
    """A topic does not exist; the message says which and what to run."""


class ClickHouseUnavailable(UnavailableError):
    """The engine is away, overloaded or did not answer in time."""
