"""The forms in which an address or a salt could stand in a file, and how to find thousands of them in one pass."""

import base64
import mmap
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import takewhile
from pathlib import Path
from random import Random

NETWORK_6 = bytes.fromhex("2a0e5f3c")
NETWORK_4 = bytes([185, 77])
"""All known addresses lie in one network: its bytes are an anchor that a search finds fast, in every form."""


@dataclass(frozen=True)
class Form:
    """One way to write things: `patterns` by thing, all of one length and with the same beginning, or the same end.

    `rare` says that chance cannot write a pattern; else hits are to be compared with those of decoys.
    """

    name: str
    patterns: dict[bytes, object]
    rare: bool

    def found(self, content: bytes | mmap.mmap) -> Iterator[object]:
        """The things whose pattern stands in `content`."""
        length = len(next(iter(self.patterns)))
        anchor, before = _beginning(self.patterns), 0
        if len(anchor) < 2:
            anchor = _beginning(pattern[::-1] for pattern in self.patterns)[::-1]
            before = length - len(anchor)
        assert len(anchor) >= 2, self.name
        place = content.find(anchor)
        while place >= 0:
            begin = place - before
            if begin >= 0 and (thing := self.patterns.get(content[begin : begin + length])) is not None:
                yield thing
            place = content.find(anchor, place + 1)


def _beginning(patterns: Iterable[bytes]) -> bytes:
    """The longest beginning that all share."""
    ordered = sorted(patterns)
    same = takewhile(lambda pair: pair[0] == pair[1], zip(ordered[0], ordered[-1], strict=True))
    return bytes(first for first, _ in same)


def addresses_6(source: Random, count: int) -> list[IPv6Address]:
    """Distinct addresses whose text has 39 characters: no group is shortened."""
    groups = ([source.randrange(0x1000, 0x10000) for _ in range(6)] for _ in range(count))
    return [IPv6Address(NETWORK_6 + b"".join(group.to_bytes(2, "big") for group in each)) for each in groups]


def addresses_4(source: Random, count: int) -> list[IPv4Address]:
    """Distinct addresses whose text has 14 characters."""
    places = source.sample(range(156 * 156), count)
    return [IPv4Address(NETWORK_4 + bytes([100 + place // 156, 100 + place % 156])) for place in places]


def forms_6(addresses: Iterable[IPv6Address]) -> list[Form]:
    """Text, hexadecimal, packed and base64, at each of its three alignments."""
    ways: dict[str, Callable[[IPv6Address], bytes]] = {
        "text": lambda address: str(address).encode(),
        "text in capitals": lambda address: str(address).upper().encode(),
        "hex": lambda address: address.packed.hex().encode(),
        "hex in capitals": lambda address: address.packed.hex().upper().encode(),
        "packed": lambda address: address.packed,
        "packed backwards": lambda address: address.packed[::-1],
        "base64": lambda address: base64_within(address.packed, 0),
        "base64 behind 1 byte": lambda address: base64_within(address.packed, 1),
        "base64 behind 2 bytes": lambda address: base64_within(address.packed, 2),
    }
    known = list(addresses)
    return [Form(f"6 {name}", {way(each): each for each in known}, rare=True) for name, way in ways.items()]


def forms_4(addresses: Iterable[IPv4Address]) -> list[Form]:
    """Text, mapped into version 6, packed, hexadecimal and as a number; the short ones also occur by chance."""
    ways: dict[str, tuple[Callable[[IPv4Address], bytes], bool]] = {
        "text": (lambda address: str(address).encode(), True),
        "mapped": (lambda address: b"\0\0\xff\xff" + address.packed, True),
        "packed": (lambda address: address.packed, False),
        "packed backwards": (lambda address: address.packed[::-1], False),
        "hex": (lambda address: address.packed.hex().encode(), False),
        "hex in capitals": (lambda address: address.packed.hex().upper().encode(), False),
        "number": (lambda address: str(int(address)).encode(), False),
    }
    known = list(addresses)
    return [
        Form(f"4 {name}", {way(each): each for each in known}, rare) for name, (way, rare) in ways.items()
    ]


def base64_within(secret: bytes, before: int) -> bytes:
    """The characters that stand for nothing but `secret`, when `before` bytes come before it."""
    text = base64.b64encode(b"\0" * before + secret).rstrip(b"=")
    return text[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]


def secret_forms(secret: bytes) -> list[bytes]:
    """A secret as it is, in hexadecimal, and in base64 of both alphabets at each alignment."""
    encoded = [base64_within(secret, before) for before in range(3)]
    safe = [each.translate(bytes.maketrans(b"+/", b"-_")) for each in encoded]
    return [secret, secret.hex().encode(), secret.hex().upper().encode(), *encoded, *safe]


@dataclass(frozen=True)
class Files:
    """All files below some folders, as they are at each call."""

    folders: tuple[Path, ...]

    def paths(self) -> list[Path]:
        return [
            path
            for folder in self.folders
            for path in sorted(each for each in folder.rglob("*") if not each.is_symlink())
        ]

    def contents(self) -> Iterator[tuple[Path, bytes | mmap.mmap]]:
        """Each file that is not empty, with its bytes; a file that goes away meanwhile is left out."""
        for path in self.paths():
            try:
                with path.open("rb") as file:
                    size = os.fstat(file.fileno()).st_size
                    # Broker and engine may cut a file short, which a map of it would not survive.
                    content = (
                        file.read() if size < 2**26 else mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
                    )
            except (FileNotFoundError, IsADirectoryError):
                continue
            if len(content):
                yield path, content

    def with_any(self, needles: Iterable[bytes]) -> list[str]:
        """Paths of the files that hold one of `needles`, with the needle."""
        wanted = list(needles)
        return [
            f"{path}: {needle!r}"
            for path, content in self.contents()
            for needle in wanted
            if content.find(needle) >= 0
        ]

    def are_known_without(self, needles: Iterable[bytes]) -> bool:
        """Whether none of `needles` was found by a look during which no file got another name.

        The broker renames a segment before it deletes it: a look in that moment sees it under neither name.
        """
        before = self.paths()
        return not self.with_any(needles) and self.paths() == before

    def bytes_in_all(self) -> int:
        return sum(len(content) for _, content in self.contents())
