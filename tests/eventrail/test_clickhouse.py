"""An address of ClickHouse that nobody can read is said so, and no part of it is repeated."""

import pytest
from pydantic import ValidationError

from eventrail.clickhouse import SAFE_INSERTS, connect
from eventrail.errors import ConfigurationError
from eventrail.settings import ClickHouseSettings, load

UNCLEAR = [
    f"clickhouse://user:{password}@host:9000/eventrail"
    for password in (
        "s3cr3t/tail",
        "s3cr3t#tail",
        "s3cr3t?tail",
        "12/s3cr3t",
        "12#s3cr3t",
        "12?s3cr3t",
        "a[s3cr3t",
    )
] + ["clickhouse://user:x@host:s3cr3t/eventrail"]
WRONG = [
    "clickhouse://user:x@host:9000/eventrail?compression=s3cr3t",
    "clickhouse://user:x@host:9000/eventrail?connect_timeout=s3cr3t",
    "clickhouses://user:x@host:9000/eventrail?ssl_version=s3cr3t",
    "clickhouse://user:x@host:9000/eventrail?tcp_keepalive=1,2",
]


@pytest.mark.parametrize("url", [*UNCLEAR, *WRONG])
def test_an_address_that_cannot_be_understood_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigurationError, match="EVENTRAIL_CLICKHOUSE_URL cannot be understood") as caught:
        connect(url)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("url", UNCLEAR)
def test_settings_do_not_take_it_either(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTRAIL_CLICKHOUSE_URL", url)
    with pytest.raises(ConfigurationError, match=r"^EVENTRAIL_CLICKHOUSE_URL cannot be understood") as caught:
        load(ClickHouseSettings)
    assert "s3cr3t" not in str(caught.value)
    with pytest.raises(ValidationError) as raised:
        ClickHouseSettings()
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize("password", ["a:b", "a@b", "%2F%23%3F%40%3A%25", ""])
def test_other_passwords_are_taken(password: str) -> None:
    client = connect(f"clickhouse://user:{password}@host:9000/eventrail?client_name=x")
    (host,) = client.connection.hosts
    assert host == ("host", 9000)
    assert client.connection.user == "user"
    expected = {"%2F%23%3F%40%3A%25": "/#?@:%"}.get(password, password)
    assert client.connection.password == expected


def test_statements_wait_for_most_replicas_and_shards_unless_the_address_says_otherwise() -> None:
    assert connect("clickhouse://host:9000/eventrail").settings == SAFE_INSERTS
    told = connect("clickhouse://host:9000/eventrail?insert_quorum=1&max_threads=2").settings
    assert told == {**SAFE_INSERTS, "insert_quorum": "1", "max_threads": "2"}
