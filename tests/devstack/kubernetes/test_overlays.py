from pathlib import Path

from devstack.checkout import CHECKOUT
from devstack.kubernetes import overlays
from devstack.kubernetes.overlays import Overlay

DOCUMENTS = """
kind: ConfigMap
metadata: {name: a, namespace: shop}
---
---
kind: Namespace
metadata: {name: shop}
"""


def fake_kustomize(folder: Path) -> Path:
    program = folder / "kustomize"
    program.with_suffix(".yaml").write_text(DOCUMENTS)
    # It keeps what it was asked to render, and renders the same always.
    program.write_text('#!/bin/sh\ncp "$2/kustomization.yaml" "$0.seen"\ncat "$0.yaml"\n')
    program.chmod(0o755)
    return program


def test_every_overlay_and_every_component_of_ours_is_checked(tmp_path: Path) -> None:
    k8s = CHECKOUT / "k8s"
    assert set(overlays.OVERLAYS) == {path.name for path in (k8s / "overlays").iterdir()}
    used = "".join(path.read_text() for path in k8s.rglob("kustomization.yaml"))
    unused = {path.name for path in (k8s / "components").iterdir() if f"/{path.name}\n" not in used}
    assert unused - set(overlays.COMPONENTS) == set()
    checked = list(overlays.own(fake_kustomize(tmp_path)))
    assert [overlay.name for overlay in checked] == [
        "k8s/overlays/dev",
        "k8s/overlays/production",
        "production with canary, gateway, ingress, spool",
    ]
    last = (tmp_path / "kustomize.seen").read_text()
    for name in ("overlays/production", *(f"components/{name}" for name in overlays.COMPONENTS)):
        assert f"k8s/{name}" in last


def test_an_overlay_knows_its_namespaces(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("{}")
    overlay = overlays.rendered("mine", tmp_path, fake_kustomize(tmp_path))
    assert [manifest["kind"] for manifest in overlay.manifests] == ["ConfigMap", "Namespace"]
    assert list(overlay.namespaces) == ["shop"]
    assert list(Overlay("nothing", []).namespaces) == []
