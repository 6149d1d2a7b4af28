"""Users as a file of ClickHouse's `users.d` names them: passwords, profiles with limits, grants. Pure but for the file.

The engine inside this process knows no users, so the server in front of it holds itself to the same file that a
production server reads (deploy/clickhouse/users.xml). Only what that file needs is understood: anything else is an
error at the start, because a line that is not enforced would be a promise that is not kept.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as Xml

from devstack.clickhouse.errors import StartError

_GRANT = re.compile(
    r"GRANT\s+(?P<privileges>[A-Z ,]+?)\s+ON\s+(?P<database>\w+)\.(?P<table>\w*\*?)", re.ASCII
)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_EVERYWHERE = "::/0"
_NOBODY = "0" * 64


@dataclass(frozen=True)
class Constraint:
    """What a client may set a setting to: between both ends, or nothing at all where `constant`."""

    least: float | None = None
    most: float | None = None
    constant: bool = False


@dataclass(frozen=True)
class Profile:
    """The settings that a user begins with, and how far they may be changed."""

    settings: Mapping[str, str]
    constraints: Mapping[str, Constraint]

    @property
    def readonly(self) -> int:
        """0: may write; 1: reads only; 2: reads only, and may change settings."""
        return int(self.settings.get("readonly", "0"))


@dataclass(frozen=True)
class Grant:
    """Privileges on `database`.`table`; a table that ends with `*` stands for all that begin so."""

    privileges: frozenset[str]
    database: str
    table: str

    def covers(self, database: str, table: str) -> bool:
        """Whether it is about this table; an empty `table` stands for the database itself."""
        if database != self.database:
            return False
        stem = self.table.removesuffix("*")
        return table.startswith(stem) if self.table.endswith("*") else table == stem


@dataclass(frozen=True)
class User:
    """A name, the SHA-256 of its password in hexadecimal, and what it may do."""

    name: str
    digest: str
    profile: Profile
    grants: tuple[Grant, ...]

    def may(self, privilege: str, database: str, table: str = "") -> bool:
        """Whether a grant gives this privilege there."""
        return any(privilege in grant.privileges and grant.covers(database, table) for grant in self.grants)

    def knows(self, database: str, table: str) -> bool:
        """Whether any grant is about this table: then it may be described."""
        return any(grant.covers(database, table) for grant in self.grants)


class Users:
    """All users of a file, by name."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self._users = users

    def admitted(self, name: str, password: str) -> User | None:
        """The user of this name and password; None for anybody else. Takes as long for a name that is unknown."""
        user = self._users.get(name)
        digest = hashlib.sha256(password.encode("utf-8", "surrogateescape")).hexdigest()
        same = hmac.compare_digest(digest, user.digest if user else _NOBODY)
        return user if same else None

    def names(self) -> list[str]:
        return sorted(self._users)


def read(path: Path, environment: Mapping[str, str]) -> Users:
    """The users of the file at `path`, with digests from `environment`. Raises StartError."""
    try:
        root = Xml.fromstring(path.read_text("utf-8"))  # noqa: S314 - a file of the person who starts the server
        return parse(root, environment)
    except (OSError, Xml.ParseError) as error:
        raise StartError(f"the users in {path} cannot be read: {error}") from error
    except ValueError as error:
        raise StartError(f"{path}: {error}") from error


def parse(root: Xml.Element, environment: Mapping[str, str]) -> Users:
    """Users of the file's root element. Raises ValueError for what is not understood."""
    _only(root, "profiles", "users")
    profiles = {item.tag: _profile(item) for item in root.findall("profiles/*")}
    return Users({item.tag: _user(item, profiles, environment) for item in root.findall("users/*")})


def _only(element: Xml.Element, *known: str) -> None:
    strange = sorted({child.tag for child in element} - set(known))
    if strange:
        raise ValueError(f"<{element.tag}>: the embedded server does not know {', '.join(strange)}")


def _profile(element: Xml.Element) -> Profile:
    settings = {item.tag: _text(item) for item in element if item.tag != "constraints"}
    return Profile(settings, {item.tag: _constraint(item) for item in element.findall("constraints/*")})


def _constraint(element: Xml.Element) -> Constraint:
    _only(element, "min", "max", "readonly")
    ends = {item.tag: float(_text(item)) for item in element if item.tag != "readonly"}
    return Constraint(ends.get("min"), ends.get("max"), element.find("readonly") is not None)


def _user(element: Xml.Element, profiles: Mapping[str, Profile], environment: Mapping[str, str]) -> User:
    _only(element, "password_sha256_hex", "networks", "profile", "quota", "grants")
    if [_text(item) for item in element.findall("networks/*")] != [_EVERYWHERE]:
        raise ValueError(f"<{element.tag}>: <networks> must be <ip>{_EVERYWHERE}</ip>")
    profile = element.findtext("profile", "")
    if profile not in profiles:
        raise ValueError(f"<{element.tag}>: there is no profile {profile!r}")
    grants = tuple(_grant(_text(item)) for item in element.findall("grants/query"))
    return User(element.tag, _digest(element, environment), profiles[profile], grants)


def _digest(user: Xml.Element, environment: Mapping[str, str]) -> str:
    element = user.find("password_sha256_hex")
    if element is None:
        raise ValueError(f"<{user.tag}>: there is no <password_sha256_hex>")
    variable = element.get("from_env")
    digest = (environment.get(variable, "") if variable else _text(element)).strip().lower()
    if not _DIGEST.fullmatch(digest):
        source = f"the variable {variable}" if variable else "<password_sha256_hex>"
        raise ValueError(f"<{user.tag}>: {source} holds no SHA-256 in hexadecimal")
    return digest


def _grant(text: str) -> Grant:
    found = _GRANT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"a grant that is not understood: {text}")
    privileges = frozenset(word.strip() for word in found["privileges"].split(","))
    return Grant(privileges, found["database"], found["table"])


def _text(element: Xml.Element) -> str:
    return (element.text or "").strip()
