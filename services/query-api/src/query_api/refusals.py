"""Why ClickHouse gave no answer, in words that may leave the house: no addresses, no SQL, no names of ours."""

from clickhouse_driver.errors import ErrorCodes, ServerException

NO_TABLE = "ClickHouse has no table events yet; run: python -m writer migrate"
OLD_TABLE = "the events table is older than this query API; run: python -m writer migrate"
_AWAY = "ClickHouse does not answer"

_BY_CODE = {
    ErrorCodes.UNKNOWN_TABLE: NO_TABLE,
    ErrorCodes.UNKNOWN_DATABASE: NO_TABLE,
    ErrorCodes.UNKNOWN_IDENTIFIER: OLD_TABLE,
    ErrorCodes.TIMEOUT_EXCEEDED: "the query took too long; ask for fewer days",
    ErrorCodes.TOO_SLOW: "the query would take too long; ask for fewer days",
    ErrorCodes.MEMORY_LIMIT_EXCEEDED: "the query needs too much memory; ask for fewer days",
    ErrorCodes.QUERY_WAS_CANCELLED: "the query was cancelled",
}


def is_not_migrated(error: ServerException) -> bool:
    """Whether the table or its database is missing."""
    return _BY_CODE.get(error.code) is NO_TABLE


def reason(error: BaseException | None) -> str:
    """One line for what the driver raised; an error that is none of the engine's means that it is away."""
    if isinstance(error, ServerException):
        return _BY_CODE.get(error.code, f"ClickHouse cannot take it now (code {error.code})")
    return _AWAY
