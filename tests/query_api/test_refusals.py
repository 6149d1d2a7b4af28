import pytest
from clickhouse_driver.errors import NetworkError, ServerException

from query_api import refusals


@pytest.mark.parametrize(
    ("code", "words"),
    [(159, "took too long"), (241, "too much memory"), (60, "python -m writer migrate"), (202, "code 202")],
)
def test_what_the_engine_refuses(code: int, words: str) -> None:
    reason = refusals.reason(ServerException("SELECT secret FROM 10.0.0.7", code))
    assert words in reason
    assert "secret" not in reason
    assert "10.0.0.7" not in reason


def test_an_engine_that_is_away_keeps_its_address() -> None:
    assert refusals.reason(NetworkError("10.0.0.7:9000")) == "ClickHouse does not answer"
    assert refusals.reason(None) == "ClickHouse does not answer"


def test_a_missing_table_and_a_missing_database_are_the_same() -> None:
    assert refusals.needs_a_person(ServerException("", 60)) == refusals.NO_TABLE
    assert refusals.needs_a_person(ServerException("", 81)) == refusals.NO_TABLE
    assert refusals.needs_a_person(ServerException("", 241)) is None


def test_a_user_without_rights_is_a_matter_for_a_person() -> None:
    for code in (192, 193, 497, 516):
        assert refusals.needs_a_person(ServerException("", code)) == refusals.REFUSED
    assert refusals.needs_a_person(ServerException("", 452)) == refusals.TOO_HIGH
