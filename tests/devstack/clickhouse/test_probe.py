import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from devstack.clickhouse import command, ready


@pytest.mark.stack
def test_a_running_server_is_ready(shared_server: Any) -> None:
    assert ready("127.0.0.1", shared_server.port) is True


def test_nobody_there() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        assert ready("127.0.0.1", holder.getsockname()[1]) is False


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" + b"\xff" * 40])
def test_somebody_else_there(answer: bytes) -> None:
    def talk() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(4096)
            peer.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=talk)
        thread.start()
        assert ready("127.0.0.1", listener.getsockname()[1]) is False
        thread.join()


def test_a_silent_server_costs_only_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.monotonic()
        assert ready("127.0.0.1", listener.getsockname()[1], timeout=0.2) is False
        assert time.monotonic() - began < 2


def test_command() -> None:
    assert command("127.0.0.1:1", Path("/d")) == [
        sys.executable, "-m", "devstack.clickhouse", "--listen", "127.0.0.1:1", "--data", "/d",
    ]  # fmt: skip
