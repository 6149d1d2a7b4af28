"""Host names in the one form in which they are compared."""

import re
from ipaddress import ip_address
from typing import Final

import idna

_ASCII = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_MAX_CHARACTERS: Final = 253
_NOT_IN_A_HOST = frozenset("/:@?#\\%*[]")


def canonical(host: str) -> str:
    """A host name in lower case and punycode (IDNA 2008 with UTS 46 mapping), without a final dot.

    IPv4 addresses pass as they are. Raises ValueError that says what is wrong with it.
    """
    if not host or host.strip() != host or _NOT_IN_A_HOST & set(host):
        raise ValueError("must be a host name such as shop.example: no scheme, port, path, * or space")
    name = host.lower().removesuffix(".")
    if not name.isascii():
        name = _punycode(name)
    if len(name) > _MAX_CHARACTERS or not _ASCII.fullmatch(name):
        raise ValueError("must be a host name: labels of 1 to 63 letters, digits and hyphens, joined by dots")
    if name.replace(".", "").isdigit():
        _check_address(name)
    return name


def _punycode(name: str) -> str:
    try:
        return idna.encode(name, uts46=True, std3_rules=True).decode().lower()
    except idna.IDNAError as error:
        raise ValueError(f"is no host name by IDNA: {error}") from None


def _check_address(name: str) -> None:
    try:
        ip_address(name)
    except ValueError:
        raise ValueError("is neither a host name nor an IPv4 address") from None
