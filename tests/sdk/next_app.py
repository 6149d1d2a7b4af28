"""The small Next.js app of the tests, with the packed @sparklytics/next in it: how it is built, and run."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from devstack import npm
from devstack.npm import NODE, SDK

APP = SDK / "next-app"
TSC = SDK / "node_modules" / "typescript" / "bin" / "tsc"
NEXT = APP / "node_modules" / "next" / "dist" / "bin" / "next"
QUIET = {"NEXT_TELEMETRY_DISABLED": "1", "NODE_ENV": "production"}


def build() -> None:
    """Install the package from its tarball, type-check the app and build it. Blocks; raises SdkError."""
    for folder in (SDK, APP):
        npm.install(lambda _: None, folder)
    npm.run([str(NODE), "next/build.mjs"], SDK)
    with TemporaryDirectory() as packed:
        npm.run([*npm.NPM, "pack", "--workspace", "@sparklytics/next", "--pack-destination", packed], SDK)
        (tarball,) = Path(packed).glob("*.tgz")
        alone = ["--no-save", "--no-package-lock", "--legacy-peer-deps", "--workspaces=false"]
        npm.run([*npm.NPM, "install", *alone, str(tarball)], APP)
    npm.run([str(NODE), str(TSC), "-p", str(APP)], APP)
    npm.run(
        ["env", *(f"{name}={value}" for name, value in QUIET.items()), str(NODE), str(NEXT), "build"], APP
    )


@contextmanager
def started(port: int, log: Path, variables: dict[str, str]) -> Iterator[None]:
    """Run the built app with these variables in its environment; what it writes goes to `log`."""
    command = [str(NODE), str(NEXT), "start", "--port", str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=APP, env=os.environ | QUIET | variables, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        process.kill()  # SIGTERM waits for connections that a browser opened in advance and never used
        process.wait()
