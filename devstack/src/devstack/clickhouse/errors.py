"""What can go wrong between a client and the engine.

Exception
├── ServerError     told to the client as an Exception packet; the connection stays usable
├── WireError       the bytes of the client make no sense; told, then the connection is closed
├── ClientGone      the client closed its side; nobody is left to tell
└── StartError      the server cannot start; the message names the port or directory
"""

from __future__ import annotations

# Numbers of ClickHouse's src/Common/ErrorCodes.cpp.
UNEXPECTED_PACKET_FROM_CLIENT = 101
NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
UNKNOWN_SETTING = 115
READONLY = 164
TOO_MANY_SIMULTANEOUS_QUERIES = 202
MEMORY_LIMIT_EXCEEDED = 241
QUERY_WAS_CANCELLED = 394
SETTING_CONSTRAINT_VIOLATION = 452
UNKNOWN_QUERY_PARAMETER = 456
ACCESS_DENIED = 497
AUTHENTICATION_FAILED = 516
BAD_ARGUMENTS = 36
UNKNOWN_EXCEPTION = 1002


class ServerError(Exception):
    """A refusal with ClickHouse's error `code` (see its ErrorCodes.cpp) and a text for people."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class WireError(Exception):
    """The client's bytes are not the native protocol; the place in the stream is lost."""


class ClientGone(Exception):
    """The client closed the connection, or the server is closing it."""


class StartError(Exception):
    """The server cannot start; the text says what is in the way and what to do."""
