"""The file of users: what production reads is what the embedded server enforces."""

import hashlib
import socket
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from devstack.clickhouse.errors import AUTHENTICATION_FAILED, ServerError, StartError
from devstack.clickhouse.protocol import REVISION, Hello
from devstack.clickhouse.server import is_local
from devstack.clickhouse.session import _admit
from devstack.clickhouse.users import Users, parse, read
from devstack.clickhouse_users import FILE, ROLES, digests, password

SECRET = "not much of a secret"


@pytest.fixture
def users() -> Users:
    return read(FILE, digests(SECRET))


def test_each_role_is_a_user(users: Users) -> None:
    assert users.names() == sorted(f"eventrail_{role}" for role in ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_a_user_is_admitted_by_its_own_password_alone(users: Users, role: str) -> None:
    name = f"eventrail_{role}"
    admitted = users.admitted(name, password(role, SECRET))
    assert admitted is not None
    assert admitted.name == name
    for wrong in ("", "x", digests(SECRET)[f"EVENTRAIL_CLICKHOUSE_{role.upper()}_SHA256"], *_others(role)):
        assert users.admitted(name, wrong) is None


def _others(role: str) -> list[str]:
    return [password(other, SECRET) for other in ROLES if other != role]


@pytest.mark.parametrize("name", ["", "default", "eventrail_nobody", "profiles"])
def test_nobody_else_is_admitted(users: Users, name: str) -> None:
    assert users.admitted(name, "") is None


def test_digests_come_from_the_environment(users: Users) -> None:
    word = hashlib.sha256(password("reader", SECRET).encode()).hexdigest()
    assert digests(SECRET)["EVENTRAIL_CLICKHOUSE_READER_SHA256"] == word


def test_a_digest_that_is_missing_is_named() -> None:
    given = {name: value for name, value in digests(SECRET).items() if "READER" not in name}
    with pytest.raises(StartError, match="EVENTRAIL_CLICKHOUSE_READER_SHA256"):
        read(FILE, given)


def user(body: str, profile: str = "<p/>") -> Users:
    text = f"<clickhouse><profiles>{profile}</profiles><users><u>{body}</u></users></clickhouse>"
    return parse(Xml.fromstring(text), {})  # noqa: S314 - our own text


WORD = f"<password_sha256_hex>{hashlib.sha256(b'w').hexdigest()}</password_sha256_hex>"
NETWORKS = "<networks><ip>::/0</ip></networks>"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (f"{NETWORKS}<profile>p</profile>", "no <password_sha256_hex>"),
        (f"{WORD}<profile>p</profile>", "networks"),
        (f"{WORD}<networks><ip>10.0.0.0/8</ip></networks><profile>p</profile>", "networks"),
        (f"{WORD}{NETWORKS}<profile>q</profile>", "no profile 'q'"),
        (f"{WORD}{NETWORKS}<profile>p</profile><roles/>", "does not know roles"),
        (
            f"{WORD}{NETWORKS}<profile>p</profile><grants><query>GRANT SELECT(a) ON d.t</query></grants>",
            "not understood",
        ),
        (
            f"{WORD}{NETWORKS}<profile>p</profile><grants><query>GRANT reader</query></grants>",
            "not understood",
        ),
    ],
)
def test_what_would_not_be_enforced_is_refused(body: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        user(body)


def test_a_strange_constraint_is_refused() -> None:
    with pytest.raises(ValueError, match="does not know disallowed"):
        user("", "<p><constraints><max_threads><disallowed/></max_threads></constraints></p>")


def test_no_file_and_no_xml(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot be read"):
        read(tmp_path / "none", {})
    (tmp_path / "users.xml").write_text("profiles:\n")
    with pytest.raises(StartError, match="cannot be read"):
        read(tmp_path / "users.xml", {})


def hello(user: str, word: str = "") -> Hello:
    return Hello("test", REVISION, "", user, word)


def test_default_may_do_all_without_a_password_but_only_from_this_machine(users: Users) -> None:
    for name in ("", "default"):
        assert _admit(hello(name), users, local=True) is None
        with pytest.raises(ServerError, match="Authentication failed"):
            _admit(hello(name), users, local=False)
        with pytest.raises(ServerError, match="Authentication failed"):
            _admit(hello(name, "word"), users, local=True)
    assert _admit(hello("default"), None, local=False) is None


def test_a_user_of_the_file_is_admitted_from_anywhere(users: Users) -> None:
    for local in (True, False):
        user = _admit(hello("eventrail_reader", password("reader", SECRET)), users, local=local)
        assert user is not None
        assert user.name == "eventrail_reader"
    with pytest.raises(ServerError) as caught:
        _admit(hello("eventrail_reader", "no such word"), users, local=True)
    assert caught.value.code == AUTHENTICATION_FAILED
    assert "no such word" not in caught.value.message


def test_which_clients_are_on_this_machine() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as near,
    ):
        assert is_local(near)
    here, there = socket.socketpair()
    with here, there:
        assert not is_local(here)
