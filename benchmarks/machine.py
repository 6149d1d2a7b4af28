"""On what it was measured: machine, versions, commit."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version

import psutil

from devstack.checkout import CHECKOUT

PACKAGES = (
    "aiokafka",
    "chdb",
    "clickhouse-driver",
    "confluent-kafka",
    "faust-streaming",
    "protobuf",
    "uvicorn",
    "uvloop",
)


def describe() -> dict[str, str]:
    """Names and values, in the order of the report. No name of the machine is among them."""
    memory = psutil.virtual_memory().total / 2**30
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "processors": f"{os.cpu_count()} ({_processor()})",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(("git", *arguments), cwd=CHECKOUT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    return git("rev-parse", "--short=10", "HEAD") + (" and changes" if git("status", "--porcelain") else "")
