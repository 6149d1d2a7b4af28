"""Where containers can be had and where not, and that the river on them has the same programs."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from devstack import clickhouse_users, programs
from devstack.checkout import CHECKOUT
from devstack.ports import Addresses
from tests.deploy.test_compose import compose
from tests.pipeline import containers

ADDRESSES = Addresses.from_base(21000)


class Engine(ThreadingUnixStreamServer):
    """A Docker engine as far as it tells which images it has."""

    daemon_threads = True

    def __init__(self, socket: Path, images: set[str]) -> None:
        super().__init__(str(socket), _Answering)
        self.images = images


class _Answering(BaseHTTPRequestHandler):
    server: Engine
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path.endswith("/version"):
            self._answer({"ApiVersion": "1.47"})
        elif asked.path.endswith("/images/json"):
            filters = json.loads(parse_qs(asked.query)["filters"][0])
            self._answer([{"Id": name} for name in filters["reference"] if name in self.server.images])
        else:
            self._answer({"Id": asked.path.split("/images/")[1].removesuffix("/json")})

    def _answer(self, body: Any) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def address_string(self) -> str:
        return "this machine"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The engine of this machine, as testcontainers sees it: one without images."""
    socket = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{socket}")
    with Engine(socket, set()) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_no_engine_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert re.match(r"no Docker engine answers \(.*No such file", containers.missing())


def test_each_image_that_is_not_there_is_told(engine: Engine) -> None:
    kafka, clickhouse, remover = containers.images()
    assert f"has no image {kafka}, {clickhouse}, {remover} (docker pull" in containers.missing()
    engine.images = {kafka, remover}
    assert f"has no image {clickhouse} (docker pull" in containers.missing()


def test_with_every_image_nothing_is_missing(engine: Engine) -> None:
    engine.images = set(containers.images())
    assert containers.missing() == ""


def test_images_are_pinned_and_the_engine_is_that_of_compose() -> None:
    assert all(re.search(r":\d+\.\d+", image) for image in containers.images())
    assert containers.clickhouse_image() == compose()["services"]["clickhouse"]["image"]


def test_the_river_has_the_same_programs_jobs_and_addresses(tmp_path: Path) -> None:
    ours, embedded = containers.plan(ADDRESSES, tmp_path), programs.embedded(ADDRESSES, tmp_path)
    assert [(each.name, each.address) for each in ours.programs] == [
        (each.name, each.address) for each in embedded.programs
    ]
    assert ours.jobs == embedded.jobs
    assert [each.command for each in ours.services] == [each.command for each in embedded.services]


def test_the_containers_listen_where_the_plan_says(engine: Engine) -> None:
    kafka = containers.kafka(ADDRESSES.kafka)
    assert kafka.ports == {"9093": ADDRESSES.kafka.port}
    assert kafka.env["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    digests = clickhouse_users.digests("secret")
    clickhouse = containers.clickhouse(ADDRESSES.clickhouse, digests)
    assert clickhouse.ports == {"9000": ADDRESSES.clickhouse.port}
    assert digests.items() <= clickhouse.env.items()
    for container in (kafka, clickhouse):
        container.get_docker_client().client.close()


@pytest.mark.slow
def test_where_there_are_no_containers_each_test_of_the_river_is_skipped_with_the_reason(
    tmp_path: Path,
) -> None:
    files = ("tests/pipeline/test_readme.py", "tests/pipeline/test_containers.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--containers", *files],
        cwd=CHECKOUT,
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"SKIPPED \[\d+\].*no containers: no Docker engine answers", done.stdout)
    assert re.search(r"^=+ \d+ skipped, \d+ deselected", done.stdout, re.MULTILINE)
