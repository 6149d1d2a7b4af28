"""What is checked: our own overlays and components, or folders of a platform, as kustomize renders them."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from devstack import kustomize
from devstack.checkout import CHECKOUT
from devstack.kubernetes.admission import Manifest

_K8S: Final = CHECKOUT / "k8s"
OVERLAYS: Final = ("dev", "production")
COMPONENTS: Final = ("canary", "gateway", "ingress", "spool")
"""Those that no overlay of ours has; they are put over the last of the overlays, in a namespace of their own."""


@dataclass(frozen=True)
class Overlay:
    """All that a folder renders to."""

    name: str
    manifests: Sequence[Manifest]

    @property
    def namespaces(self) -> Sequence[str]:
        """Those that the objects are in."""
        found = (manifest["metadata"].get("namespace") for manifest in self.manifests)
        return list(dict.fromkeys(namespace for namespace in found if namespace))


def own(kustomize_program: Path) -> Iterator[Overlay]:
    """Everything in `k8s/` that an overlay of ours has, and the components that a platform may add."""
    for name in OVERLAYS:
        yield rendered(f"k8s/overlays/{name}", _K8S / "overlays" / name, kustomize_program)
    with tempfile.TemporaryDirectory(prefix="eventrail-overlay-") as folder:
        components = [_K8S / "components" / name for name in COMPONENTS]
        kustomize.write_overlay(Path(folder), _K8S / "overlays" / OVERLAYS[-1], components, "eventrail-more")
        yield rendered(f"{OVERLAYS[-1]} with {', '.join(COMPONENTS)}", Path(folder), kustomize_program)


def rendered(name: str, folder: Path, kustomize_program: Path) -> Overlay:
    """What a folder renders to. Raises GoToolsError with what kustomize said."""
    return Overlay(name, documents(kustomize.render(folder, kustomize_program)))


def documents(text: str) -> list[Manifest]:
    """The objects of a YAML stream."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all(text, loader) if document]
