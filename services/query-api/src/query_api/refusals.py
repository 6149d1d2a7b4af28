"""Why ClickHouse gave no answer, in words that may leave the house: no addresses, no SQL, no names of ours."""

from clickhouse_driver.errors import ErrorCodes, ServerException

NO_TABLE = "a table is missing at ClickHouse; run: python -m writer migrate"
OLD_TABLE = "the events table is older than this query API; run: python -m writer migrate"
REFUSED = "ClickHouse refuses this query API; look at the user in EVENTRAIL_CLICKHOUSE_URL and its rights"
TOO_HIGH = "the limits set on this query API are above those of its user at ClickHouse"
_AWAY = "ClickHouse does not answer"

_BY_CODE = {
    ErrorCodes.UNKNOWN_TABLE: NO_TABLE,
    ErrorCodes.UNKNOWN_DATABASE: NO_TABLE,
    ErrorCodes.UNKNOWN_USER: REFUSED,
    ErrorCodes.WRONG_PASSWORD: REFUSED,
    452: TOO_HIGH,  # SETTING_CONSTRAINT_VIOLATION, newer than the driver's list, as are those below
    497: REFUSED,  # ACCESS_DENIED
    516: REFUSED,  # AUTHENTICATION_FAILED
    ErrorCodes.UNKNOWN_IDENTIFIER: OLD_TABLE,
    ErrorCodes.TIMEOUT_EXCEEDED: "the query took too long; ask for fewer days",
    ErrorCodes.TOO_SLOW: "the query would take too long; ask for fewer days",
    ErrorCodes.MEMORY_LIMIT_EXCEEDED: "the query needs too much memory; ask for fewer days",
    ErrorCodes.QUERY_WAS_CANCELLED: "the query was cancelled",
}


def needs_a_person(error: ServerException) -> str | None:
    """What somebody has to set right first, a missing table or the user's rights; None for all other errors."""
    why = _BY_CODE.get(error.code)
    return why if why in (NO_TABLE, REFUSED, TOO_HIGH) else None


def reason(error: BaseException | None) -> str:
    """One line for what the driver raised; an error that is none of the engine's means that it is away."""
    if isinstance(error, ServerException):
        return _BY_CODE.get(error.code, f"ClickHouse cannot take it now (code {error.code})")
    return _AWAY
