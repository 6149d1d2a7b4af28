"""The wheel alone: built, and installed with its dependencies where nothing else of this checkout is."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.eventrail_client.collector import FaultyCollector
from tests.wheels import LOOK, installed, run

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).parents[2] / "sdk/python"
USES = """
from eventrail_client import Client, Refusal

refused: list[Refusal] = []
with Client("http://localhost:8400", "demo", on_refused=refused.append) as client:
    client.track("purchase", {"plan": "pro", "amount": 49.99, "items": [1, None, {"a": True}]}, visitor_id="u-1")
    client.track(7)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(PACKAGE, tmp_path_factory.mktemp("wheel"))


def test_it_brings_its_types_and_needs_nothing_else_of_the_checkout(python: Path, tmp_path: Path) -> None:
    found = json.loads(run(python, "-I", "-c", LOOK, "eventrail_client", folder=tmp_path))
    assert [name for name in found["packages"] if name.startswith("eventrail")] == ["eventrail-client"]
    assert found["modules"] == []
    assert found["typed"]


@pytest.mark.long
def test_its_types_hold_in_a_strict_program(python: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(USES)
    command = (sys.executable, "-m", "mypy", "--strict", "--python-executable", python, program)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert re.findall(r"program\.py:(\d+): error: .*\[(.*)\]", done.stdout) == [("7", "arg-type")], (
        done.stdout
    )


def test_the_example_of_its_readme_sends_events(
    python: Path, tmp_path: Path, collector: FaultyCollector
) -> None:
    (example,) = re.findall(
        r"^```python\n(.*?)^```$", (PACKAGE / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert (
        run(python, "-I", "-c", example.replace("http://localhost:8400", collector.url), folder=tmp_path)
        == ""
    )
    assert [(event.event_name, event.event_data) for event in collector.stored()] == [
        ("purchase", '{"plan":"pro","amount":49.99}')
    ]
