"""Starting and ending a control plane, with small programs in the places of the real ones."""

import sys
from pathlib import Path

import pytest

from devstack.errors import StartFailed
from devstack.identity import identify
from devstack.kubernetes import access, control_plane
from devstack.ports import Address

BINARIES = {
    name: Path("/nowhere") / name
    for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
}
PORTS = [Address("127.0.0.1", 20_000 + number) for number in range(6)]


def silent(_: str) -> None:
    pass


def test_everything_listens_on_loopback_and_each_at_its_own_port(tmp_path: Path) -> None:
    way = access.make(tmp_path, PORTS[0])
    programs = control_plane.plan(BINARIES, way, PORTS)
    assert [program.name for program in programs][:2] == ["etcd", "kube-apiserver"]
    assert {str(program.address) for program in programs} < {str(port) for port in PORTS}
    for program in programs:
        text = " ".join(program.command)
        assert str(program.address.port) in text
        assert "0.0.0.0" not in text
        assert way.token not in text  # any user of the machine may read arguments


@pytest.mark.slow
async def test_what_was_started_ends_when_a_later_one_dies(tmp_path: Path) -> None:
    server = _script(tmp_path / "etcd", SERVER.format(pid=str(tmp_path / "pid")))
    dying = _script(tmp_path / "kube-apiserver", "import sys; sys.exit('no such flag')")
    binaries = {**BINARIES, "etcd": server, "kube-apiserver": dying}
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(StartFailed, match=r"kube-apiserver died while starting:\n.*no such flag"):
        async with control_plane.control_plane(binaries, work, silent):
            pytest.fail("it never was ready")
    assert identify(int((tmp_path / "pid").read_text())) is None


SERVER = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass

(url,) = [word.partition("=")[2] for word in sys.argv if word.startswith("--listen-client-urls=")]
server = HTTPServer(("127.0.0.1", urlsplit(url).port), Handler)
open({pid!r}, "w").write(str(os.getpid()))
server.serve_forever()
"""


def _script(path: Path, code: str) -> Path:
    path.write_text(f"#!{sys.executable}\n{code}", encoding="utf-8")
    path.chmod(0o755)
    return path
