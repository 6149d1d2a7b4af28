"""On what it was measured: machine, versions, commit."""

import os
import platform
import subprocess
import time
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
        "a million turns of a Python loop": f"{_loop_ms():.0f} ms (builds of one version differ by half)",
        **{name: version(name) for name in PACKAGES},
    }


def _loop_ms() -> float:
    """Processor time, the least of five."""
    return min(_turns_ms() for _ in range(5))


def _turns_ms() -> float:
    began = time.process_time()
    texts: dict[int, str] = {}
    for number in range(1_000_000):
        texts[number % 1000] = str(number)
    return 1000 * (time.process_time() - began)


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
