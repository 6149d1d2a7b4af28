"""What a process does to its clients: it forks, and it ends."""

import atexit
import os
from typing import Protocol
from weakref import WeakSet


class Living(Protocol):
    """A client, seen by its process."""

    def hold(self) -> None:
        """Before a fork: keep everything still."""
        ...

    def release(self, *, child: bool) -> None:
        """After a fork: go on, or in the child process begin anew."""
        ...

    def at_exit(self) -> None:
        """The interpreter ends: send what waits, within a bounded time."""
        ...


_clients: WeakSet[Living] = WeakSet()
_held: list[Living] = []


def watch(client: Living) -> None:
    """Tell `client` from now on what happens to the process."""
    _clients.add(client)


def _before() -> None:
    for client in list(_clients):
        client.hold()
        _held.append(client)


def _after(*, child: bool) -> None:
    while _held:
        _held.pop().release(child=child)


def _at_exit() -> None:
    for client in list(_clients):
        client.at_exit()


def _after_in_child() -> None:
    _after(child=True)


def _after_in_parent() -> None:
    _after(child=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_child=_after_in_child, after_in_parent=_after_in_parent)
atexit.register(_at_exit)
