from devstack.environment import build, overruled, settings_for
from devstack.ports import Addresses

MOVED = Addresses.from_base(21000)
SECRETS = {"EVENTRAIL_ADDRESS_KEYS": "dev:made", "EVENTRAIL_SALT_SECRET": "made"}


def test_the_addresses_go_by_the_names_of_the_settings() -> None:
    assert settings_for(MOVED) == {
        "EVENTRAIL_COLLECTOR_LISTEN": "127.0.0.1:21000",
        "EVENTRAIL_QUERY_API_LISTEN": "127.0.0.1:21001",
        "EVENTRAIL_ENRICHER_LISTEN": "127.0.0.1:21002",
        "EVENTRAIL_WRITER_LISTEN": "127.0.0.1:21003",
        "EVENTRAIL_AUDITOR_LISTEN": "127.0.0.1:21007",
        "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:21004",
        "EVENTRAIL_CLICKHOUSE_URL": "clickhouse://default@127.0.0.1:21006/eventrail",
    }


def test_other_variables_of_the_person_pass_through() -> None:
    built = build({"PATH": "/bin", "EVENTRAIL_LOG_LEVEL": "DEBUG"}, MOVED, SECRETS)
    assert built["PATH"] == "/bin"
    assert built["EVENTRAIL_LOG_LEVEL"] == "DEBUG"


def test_made_secrets_are_used_unless_the_person_has_own_ones() -> None:
    built = build({"EVENTRAIL_SALT_SECRET": "own", "EVENTRAIL_ADDRESS_KEYS": ""}, MOVED, SECRETS)
    assert built["EVENTRAIL_SALT_SECRET"] == "own"
    assert built["EVENTRAIL_ADDRESS_KEYS"] == "dev:made"


def test_the_stacks_addresses_win_and_that_can_be_told() -> None:
    outer = {"EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": "elsewhere:9092"}
    assert build(outer, MOVED, SECRETS)["EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:21004"
    assert overruled(outer, MOVED) == ["EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS"]
    assert overruled(settings_for(MOVED), MOVED) == []
