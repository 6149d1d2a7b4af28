"""A password with a meaning in an address: each program ends with status 2 and says no part of it."""

import os
import subprocess

import pytest

from tests.faults.security.broker import PYTHON

NOBODY = "127.0.0.1:1"
RANGE = ("--from", "2026-11-01T00:00:00Z", "--to", "2026-11-02T00:00:00Z")
PROGRAMS = {
    "writer": (),
    "writer migrate": ("migrate",),
    "auditor": (),
    "query_api": (),
    "enricher replay": ("replay", *RANGE),
    "eventrail rejected": ("rejected", "replay", "--all", "--dry-run"),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_part_of_an_unescaped_password_is_told(program: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVENTRAIL_")}
    done = subprocess.run(
        [*PYTHON, program.partition(" ")[0], *PROGRAMS[program]],
        env={
            **kept,
            "EVENTRAIL_CLICKHOUSE_URL": "clickhouse://u:s3cr3t/tail@127.0.0.1:1/eventrail",
            "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": NOBODY,
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert "EVENTRAIL_CLICKHOUSE_URL cannot be understood" in done.stderr
    for part in ("s3cr3t", "tail", "Traceback"):
        assert part not in done.stderr + done.stdout
