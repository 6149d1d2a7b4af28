"""`./dev images` where there is an engine, and what it says where there is none."""

from pathlib import Path

import pytest

from devstack.__main__ import main
from devstack.images import check


def test_without_docker_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert check.missing() == "no Docker engine answers: docker is not there"
    assert main(["images"]) == 1
    assert "docker is not there" in capsys.readouterr().err


def test_an_engine_that_does_not_answer_is_told_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho Server: >&2\necho Cannot connect >&2\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert check.missing() == "no Docker engine answers: Cannot connect"


@pytest.mark.docker
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_images_are_as_promised(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["images"]) == 0, capsys.readouterr().err
