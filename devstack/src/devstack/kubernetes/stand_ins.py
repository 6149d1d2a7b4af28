"""What a cluster would have besides: nodes in three zones, disks, and kinds whose schema cannot be had. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from devstack.kubernetes.admission import Manifest, namespace_of

ZONES: Final = 3
DISKS: Final = 3

NO_SCHEMA: Final = (
    ("clickhouse.altinity.com/v1", "ClickHouseInstallation"),
    ("clickhouse-keeper.altinity.com/v1", "ClickHouseKeeperInstallation"),
)
"""Kinds of Altinity's operator, which no registry serves: they are taken as they are."""

_STORAGE: Final = "standard"


def cluster() -> Iterator[Manifest]:
    """Nodes, and disks of a default class; KWOK says what the nodes hold."""
    for number in range(ZONES):
        yield _object("v1", "Node", f"node-{number}", labels=_places(number))
    yield {
        **_object("storage.k8s.io/v1", "StorageClass", _STORAGE),
        "metadata": {
            "name": _STORAGE,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    for number in range(DISKS):
        yield {**_object("v1", "PersistentVolume", f"disk-{number}"), "spec": _disk(number)}


def _places(number: int) -> dict[str, str]:
    return {"topology.kubernetes.io/zone": f"zone-{number}", "kubernetes.io/hostname": f"node-{number}"}


def _disk(number: int) -> dict[str, Any]:
    return {
        "storageClassName": _STORAGE,
        "capacity": {"storage": "1Ti"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": f"/disks/{number}"},
    }


def open_kinds() -> Iterator[Manifest]:
    """CustomResourceDefinitions that let anything through, for the kinds of `NO_SCHEMA`."""
    for api_version, kind in NO_SCHEMA:
        group, _, version = api_version.partition("/")
        plural = f"{kind.lower()}s"
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        yield {
            **_object("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"{plural}.{group}"),
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                "versions": [
                    {
                        "name": version,
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": schema},
                    }
                ],
            },
        }


def insides(manifest: Manifest) -> Iterator[Manifest]:
    """The pods and claims that an object of `NO_SCHEMA` has templates for: these have schemas, and rules."""
    if (manifest["apiVersion"], manifest["kind"]) not in NO_SCHEMA:
        return
    templates = manifest["spec"].get("templates", {})
    for kind, key in (("Pod", "podTemplates"), ("PersistentVolumeClaim", "volumeClaimTemplates")):
        for template in templates.get(key, []):
            metadata = {**template.get("metadata", {}), "name": template["name"]}
            yield {
                "apiVersion": "v1",
                "kind": kind,
                "metadata": {**metadata, "namespace": namespace_of(manifest)},
                "spec": template["spec"],
            }


def _object(api_version: str, kind: str, name: str, **metadata: Any) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **metadata}}
