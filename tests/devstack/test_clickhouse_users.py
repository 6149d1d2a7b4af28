"""Each program of the stack is told its own user, and nobody else's."""

import hashlib
from urllib.parse import urlsplit

from devstack.clickhouse.probe import USERS_VARIABLE
from devstack.clickhouse_users import FILE, ROLES, digests, own_variables, password
from devstack.ports import Address

SERVER = Address("127.0.0.1", 21000)


def test_passwords_differ_by_role_and_secret_and_stay_the_same() -> None:
    made = {password(role, secret) for role in ROLES for secret in ("one", "two")}
    assert len(made) == 2 * len(ROLES)
    assert password("reader", "one") == password("reader", "one")
    assert not any("one" in word for word in made)


def test_the_engine_is_told_digests_and_the_file_but_no_password() -> None:
    told = own_variables(SERVER, "secret")["clickhouse"]
    assert told[USERS_VARIABLE] == str(FILE)
    assert FILE.is_file()
    for role in ROLES:
        word = password(role, "secret")
        assert (
            told[f"EVENTRAIL_CLICKHOUSE_{role.upper()}_SHA256"] == hashlib.sha256(word.encode()).hexdigest()
        )
        assert word not in told.values()


def test_programs_that_speak_to_the_engine_have_a_user_each() -> None:
    own = own_variables(SERVER, "secret")
    users = {
        name: urlsplit(variables["EVENTRAIL_CLICKHOUSE_URL"])
        for name, variables in own.items()
        if name != "clickhouse"
    }
    assert {name: url.username for name, url in users.items()} == {
        "writer migrate": "eventrail_migrator",
        "writer": "eventrail_writer",
        "query-api": "eventrail_reader",
        "auditor": "eventrail_auditor",
    }
    for url in users.values():
        assert (url.scheme, url.hostname, url.port, url.path) == (
            "clickhouse",
            "127.0.0.1",
            21000,
            "/eventrail",
        )
        assert url.password == password(str(url.username).removeprefix("eventrail_"), "secret")


def test_the_digests_are_those_that_the_file_asks_for() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert all(f'from_env="{name}"' in text for name in digests("secret"))
    assert text.count("from_env=") == len(ROLES)
