"""What an image tells of itself, asked of a folder of this machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.images import inside

BILL = {
    "metadata": {"component": {"name": "eventrail-writer", "version": "0.1.0"}},
    "components": [{"name": "Some_Package", "version": "2"}, {"name": "eventrail", "version": "0.1.0"}],
}


def test_it_needs_nothing_but_python(tmp_path: Path) -> None:
    """An image has none of our tools."""
    (tmp_path / "sbom.cdx.json").write_text(json.dumps(BILL))
    text = Path(inside.__file__).read_text().replace("/opt/eventrail", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", text], capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    assert told["listed"] == ["eventrail 0.1.0", "eventrail-writer 0.1.0", "some-package 2"]
    assert told["write_error"] == ""
    assert (tmp_path / "new").exists()


def test_what_refuses_a_write_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "NEW", tmp_path / "none" / "new")
    assert inside.write_error() == "ENOENT"


def test_packages_have_names_as_a_lock_has_them() -> None:
    assert any(package.startswith("testcontainers ") for package in inside.installed())
    assert any(package.startswith("typing-extensions ") for package in inside.installed())
