"""The jars of Apache Kafka: fetched from Maven Central once, kept in the user's cache.

`kafka-jars.lock` beside this file names every jar with its SHA-256, as `uv.lock` does for
Python. A fetch takes exactly those and checks each, so what runs is the same everywhere.
`python -m devstack.jars --lock` resolves the dependencies anew and rewrites the lock; it is
needed only when the version of Kafka changes.

Everything is done by jgo's own Python resolver: no Java, no `mvn`.
"""

import argparse
import hashlib
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import requests
import truststore
from jgo.maven import Dependency, MavenContext, PythonResolver

from devstack.cache import kept
from devstack.errors import JarsError
from devstack.terminal import say
from devstack.turn import turn

KAFKA_VERSION = "4.1.0"
ROOT_COORDINATE = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
LOGGING_COORDINATE = "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"
"""Kafka's POM leaves the slf4j binding to its tarball; without one the broker logs nothing."""

LOCK_FILE = Path(__file__).with_name("kafka-jars.lock")
ATTEMPTS = 3
PARALLEL_DOWNLOADS = 6
TIMEOUT_S = 60
REPORT_EVERY = 10

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Jar:
    """One line of the lock: `group:artifact:version` and the SHA-256 of the file, in hex."""

    coordinate: str
    sha256: str

    @property
    def filename(self) -> str:
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def parse_lock(text: str) -> list[Jar]:
    """Read lines of `coordinate sha256`; blank lines and lines starting with # are skipped."""
    lines = [line.split() for line in text.splitlines() if line.strip() and line[0] != "#"]
    return [Jar(coordinate, sha256) for coordinate, sha256 in lines]


def format_lock(jars: Sequence[Jar]) -> str:
    """The inverse of `parse_lock`, sorted."""
    head = f"# Jars of {ROOT_COORDINATE}; rewritten by `python -m devstack.jars --lock`.\n"
    return head + "".join(f"{jar.coordinate} {jar.sha256}\n" for jar in sorted(jars, key=str))


def cache_dir() -> Path:
    """The folder of this version's jars in the user's cache."""
    return kept(f"kafka-{KAFKA_VERSION}")


def is_complete(folder: Path, jars: Sequence[Jar]) -> bool:
    """Tell whether `folder` was finished for exactly these jars and has lost none since."""
    try:
        finished = _marker(folder).read_text(encoding="utf-8") == format_lock(jars)
    except OSError:
        return False
    return finished and all((folder / jar.filename).is_file() for jar in jars)


def ensure(progress: Progress, folder: Path | None = None, lock: Path = LOCK_FILE) -> Path:
    """Return the folder that holds all jars, after fetching them when it is not complete.

    Blocks while it downloads (Kafka: 45 MB). The folder appears as a whole or not at all, so an
    interrupted fetch is simply done again; two processes at once take turns.
    Raises JarsError.
    """
    folder = folder or cache_dir()
    jars = parse_lock(lock.read_text(encoding="utf-8"))
    if is_complete(folder, jars):
        return folder
    with turn(folder.with_name(f"{folder.name}.lock")):
        if not is_complete(folder, jars):
            _fetch(jars, folder, progress)
    return folder


def _marker(folder: Path) -> Path:
    return folder / "complete"


def _fetch(jars: Sequence[Jar], folder: Path, progress: Progress) -> None:
    _trust_what_the_system_trusts()
    for left_over in folder.parent.glob("fetching-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=folder.parent) as work:
        repository, made = Path(work) / "repository", Path(work) / "jars"
        made.mkdir()
        with ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
            waiting = [pool.submit(_fetch_one, jar, repository, made) for jar in jars]
            try:
                for count, done in enumerate(as_completed(waiting), start=1):
                    done.result()
                    if count % REPORT_EVERY == 0 or count == len(jars):
                        progress(f"  ... {folder.name}: {count} of {len(jars)} jars")
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        _marker(made).write_text(format_lock(jars), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)


def _trust_what_the_system_trusts() -> None:
    # As pip does: behind a proxy with a certificate of its own, requests' bundled list would refuse it.
    truststore.inject_into_ssl()


def _fetch_one(jar: Jar, repository: Path, made: Path) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            # Each attempt has its own repository: jgo takes a half file for a whole one.
            path = _download(jar.coordinate, repository / f"{jar.filename}.{attempt}")
        except (requests.RequestException, RuntimeError, OSError) as error:
            if attempt == ATTEMPTS:
                raise JarsError(_unreachable(jar.coordinate, error)) from error
            time.sleep(2**attempt)
            continue
        _verify(jar, path)
        path.rename(made / jar.filename)
        return


def _download(coordinate: str, repository: Path) -> Path:
    artifact = _context(repository).create_dependency(coordinate).artifact
    return Path(artifact.resolve())


def _context(repository: Path) -> MavenContext:
    return MavenContext(resolver=PythonResolver(), repo_cache=repository, timeout=TIMEOUT_S)


def _verify(jar: Jar, path: Path) -> None:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != jar.sha256:
        raise JarsError(
            f"{jar.coordinate} has SHA-256 {found}, but the lock says {jar.sha256}.\n"
            "The repository in between gave another file; nothing was installed."
        )


def _unreachable(coordinate: str, error: Exception) -> str:
    return (
        f"could not fetch {coordinate} from Maven Central ({error}).\n"
        "Check the network (a proxy is taken from HTTPS_PROXY) and run the same command again."
    )


def resolve() -> list[Jar]:
    """Resolve the broker's dependencies from their POMs and hash each jar. Takes half a minute."""
    _trust_what_the_system_trusts()
    with tempfile.TemporaryDirectory() as work:
        context = _context(Path(work))
        inputs, transitive = context.resolver.resolve([context.create_dependency(ROOT_COORDINATE)])
        # Alone and not transitive: its parent POM manages another version of kafka-clients.
        binding = context.create_dependency(LOGGING_COORDINATE)
        with ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
            return list(pool.map(_locked, [*inputs, *transitive, binding]))


def _locked(dependency: Dependency) -> Jar:
    path = Path(dependency.artifact.resolve())
    coordinate = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
    return Jar(coordinate, hashlib.sha256(path.read_bytes()).hexdigest())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m devstack.jars")
    parser.add_argument("--lock", action="store_true", help="resolve anew and rewrite the lock")
    if parser.parse_args(arguments).lock:
        LOCK_FILE.write_text(format_lock(resolve()), encoding="utf-8")
        return 0
    say(str(ensure(say)))
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.exit(main())
