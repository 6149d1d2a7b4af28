"""The browser script that the collector of the stack serves: built from `sdk/` when it is missing or stale."""

from pathlib import Path

from devstack import npm
from devstack.checkout import STATE_DIR
from devstack.npm import NODE, SDK, Progress, digest_of
from devstack.turn import turn

FOLDER = STATE_DIR / "script"
"""Where the built script lies; the collector's setting EVENTRAIL_COLLECTOR_SCRIPT."""

_SOURCES = ("browser", "tracker")


def ensure(progress: Progress, folder: Path = FOLDER, sdk: Path = SDK) -> Path:
    """Return `folder`, which then holds the script of the sources as they are.

    Blocks while it installs packages and builds. Raises SdkError, also where the script is too large.
    """
    marker = folder / "sources"
    with turn(folder.with_name(f"{folder.name}.lock")):
        wanted = sources(sdk)
        if marker.is_file() and marker.read_text(encoding="utf-8") == wanted:
            return folder
        npm.install(progress, sdk)
        progress(f"  ... {npm.run([str(NODE), 'browser/build.mjs', str(folder)], sdk).strip()}")
        marker.write_text(wanted, encoding="utf-8")
    return folder


def sources(sdk: Path) -> str:
    """A digest of all that decides what is built."""
    files = [sdk / "package-lock.json", sdk / "tsconfig.json", sdk / "browser" / "build.mjs"]
    for part in _SOURCES:
        files += sorted((sdk / part / "src").rglob("*.ts"))
    return digest_of(files, sdk)
