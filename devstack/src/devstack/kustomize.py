"""kustomize, which renders the manifests of `k8s/`: one pinned version, the same everywhere."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from devstack.commands import output
from devstack.errors import GoToolsError
from devstack.go_programs import GoPrograms, Progress

PACKAGE: Final = "sigs.k8s.io/kustomize/kustomize/v5"

PROGRAMS: Final = GoPrograms("kustomize", Path(__file__).with_name("gotools"), {"kustomize": PACKAGE})


def missing() -> str:
    """Why nothing can be rendered here, or ""."""
    return PROGRAMS.missing()


def ensure(progress: Progress) -> Path:
    """The program, after building it when it is not there.

    Blocks while it downloads some 20 MB and builds, at first about a minute. Raises GoToolsError.
    """
    return PROGRAMS.ensure(progress) / "kustomize"


def render(folder: Path, kustomize: Path) -> str:
    """The manifests of `folder` as one YAML stream. Raises GoToolsError with what kustomize said."""
    return output([str(kustomize), "build", str(folder)], folder, {}, GoToolsError)


def write_overlay(folder: Path, resource: Path, components: Iterable[Path], namespace: str = "") -> None:
    """Make `folder`, which is there, an overlay over `resource` with these components, as a platform has one.

    All that it renders is moved to `namespace`, if one is given.
    """
    made = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [_from(folder, resource)],
        "components": [_from(folder, component) for component in components],
        **({"namespace": namespace} if namespace else {}),
    }
    (folder / "kustomization.yaml").write_text(json.dumps(made), encoding="utf-8")


def _from(folder: Path, path: Path) -> str:
    # kustomize takes no absolute paths.
    return os.path.relpath(path.resolve(), folder.resolve())
