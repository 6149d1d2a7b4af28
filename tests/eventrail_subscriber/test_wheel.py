"""The wheel alone: built, and installed with its dependencies where nothing else of this checkout is."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.wheels import LOOK, installed, run

PACKAGE = Path(__file__).parents[2] / "sdk/subscriber"
GENERATED = PACKAGE / "src/eventrail_subscriber/v1/enriched_pb2.py"
USES = """
from eventrail_subscriber import EVENT_TYPE_CUSTOM, RecentEvents, properties, read
from eventrail_subscriber.fake import FakeTopic

record = FakeTopic().publish("purchase", {"amount": 49.99}, geo={"country": "DE"})
event = read(record.key, record.value, record.headers)
amount: float = properties(event)["amount"]
country: str = event.geo.country
recent = RecentEvents(10)
assert event.event_type == EVENT_TYPE_CUSTOM and event not in recent
read(7, record.value, record.headers)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(PACKAGE, tmp_path_factory.mktemp("wheel"))


@pytest.mark.slow
def test_it_brings_its_types_and_needs_protobuf_alone(python: Path, tmp_path: Path) -> None:
    found = json.loads(run(python, "-I", "-c", LOOK, "eventrail_subscriber", folder=tmp_path))
    assert sorted(set(found["packages"]) - {"pip", "setuptools"}) == ["eventrail-subscriber", "protobuf"]
    assert found["modules"] == []
    assert found["typed"]


@pytest.mark.slow
def test_the_examples_of_its_readme_run(python: Path, tmp_path: Path) -> None:
    examples = re.findall(
        r"^```python\n(.*?)^```$", (PACKAGE / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert len(examples) == 2
    (line,) = run(python, "-I", "-c", "\n".join(examples), folder=tmp_path).splitlines()
    assert line.endswith("+00:00 shop purchase {'plan': 'pro', 'amount': 49.99}")


@pytest.mark.long
def test_its_types_hold_in_a_strict_program(python: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(USES)
    command = (sys.executable, "-m", "mypy", "--strict", "--python-executable", python, program)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert re.findall(r"program\.py:(\d+): error: .*\[(.*)\]", done.stdout) == [("11", "arg-type")], (
        done.stdout
    )


def test_it_asks_for_the_protobuf_that_its_generated_code_needs() -> None:
    made = re.findall(r"^# Protobuf Python Version: (\S+)$", GENERATED.read_text(), re.MULTILINE)
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    # protobuf promises that its next major version still runs the generated code of this one.
    later = int(made[0].split(".")[0]) + 2
    assert project["dependencies"] == [f"protobuf>={made[0]},<{later}"]
    assert f"protobuf ({made[0]} or later)" in (PACKAGE / "README.md").read_text()
