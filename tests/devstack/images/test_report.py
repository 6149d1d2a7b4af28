"""What is told of an image, and what is not as promised."""

import json
from dataclasses import replace
from typing import Any

import pytest

from devstack.images.report import LABELS, Observed, faults, table

PACKAGES = ["eventrail 0.1.0", "eventrail-writer 0.1.0"]
LINE = json.dumps({"level": "info", "message": "ready"})
GOOD = Observed(
    name="writer",
    own_size=81_400_000,
    image={"Size": 231_000_000, "Config": {"Labels": dict.fromkeys(LABELS, "x")}},
    health="healthy",
    inside={"user": 65532, "write_error": "EROFS", "listed": PACKAGES, "installed": PACKAGES},
    ready_s=1.26,
    stopped_s=0.42,
    container={"State": {"ExitCode": 0}},
    log=f"{LINE}\n{LINE}\n",
)


def test_a_row_has_the_figures() -> None:
    row = table([GOOD]).splitlines()[2]
    assert row == "| `writer` | 231 MB | 81 MB | 2 | 1.3 s | healthy | 0.4 s | 0 | 2 |"


def test_an_image_as_promised_has_no_faults() -> None:
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"inside": {**GOOD.inside, "user": 0}}, "writer runs as root"),
        ({"inside": {**GOOD.inside, "write_error": ""}}, "writer can be written to, or refuses with ''"),
        (
            {"inside": {**GOOD.inside, "write_error": "EACCES"}},
            "writer can be written to, or refuses with 'EACCES'",
        ),
        ({"inside": {**GOOD.inside, "listed": PACKAGES[:1]}}, "writer lists other packages than it has"),
        ({"health": "starting"}, "writer is starting, not healthy"),
        ({"container": {"State": {"ExitCode": 137}}}, "writer ended with status 137"),
        ({"image": {**GOOD.image, "Config": {"Labels": None}}}, "writer has not all labels"),
        ({"log": '{"level": "error"}'}, "writer logged an error, or a line that is no JSON"),
        ({"log": "Traceback"}, "writer logged an error, or a line that is no JSON"),
    ],
)
def test_what_is_not_as_promised_is_told(change: dict[str, Any], fault: str) -> None:
    assert faults(replace(GOOD, **change)) == [fault]


def test_a_warning_is_no_fault() -> None:
    assert faults(replace(GOOD, log='{"level": "warning"}')) == []
