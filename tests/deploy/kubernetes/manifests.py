"""What kustomize makes of a folder of `k8s/`, and how to look things up in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]

SERVICES: dict[str, str] = {
    "collector": "collector",
    "enricher": "enricher",
    "writer": "writer",
    "query-api": "query_api",
    "auditor": "auditor",
}
"""The Python module of each Deployment."""

WITH_PODS = ("Deployment", "StatefulSet", "Job")


@dataclass(frozen=True)
class Manifests:
    """Everything that one folder renders to."""

    documents: tuple[Manifest, ...]

    def of(self, *kinds: str) -> Iterator[Manifest]:
        return (each for each in self.documents if each["kind"] in kinds)

    def named(self, kind: str) -> dict[str, Manifest]:
        """All of that kind by name; a name that is there twice fails."""
        found = {each["metadata"]["name"]: each for each in self.of(kind)}
        assert len(found) == len(list(self.of(kind)))
        return found

    def one(self, kind: str, name: str) -> Manifest:
        return self.named(kind)[name]

    @property
    def config(self) -> dict[str, str]:
        """What every pod of Eventrail gets by `envFrom`."""
        data: dict[str, str] = self.one("ConfigMap", "eventrail")["data"]
        return data

    def templates(self) -> dict[str, Manifest]:
        """Pod templates of what runs our own images, by name."""
        return {each["metadata"]["name"]: each["spec"]["template"] for each in self.of(*WITH_PODS)}

    def pods(self) -> dict[str, Manifest]:
        """The pod specs of these templates."""
        return {name: template["spec"] for name, template in self.templates().items()}

    def container(self, name: str) -> Manifest:
        """The only container of that pod."""
        (found,) = self.pods()[name]["containers"]
        container: Manifest = found
        return container

    def environment(self, name: str, secrets: Mapping[tuple[str, str], str]) -> dict[str, str]:
        """The variables that the container gets; `secrets` are values by name and key of their secret."""
        container = self.container(name)
        assert container["envFrom"] == [{"configMapRef": {"name": "eventrail"}}]
        return {**self.config, **{item["name"]: _value(item, secrets) for item in container.get("env", [])}}


def _value(item: Manifest, secrets: Mapping[tuple[str, str], str]) -> str:
    if "value" in item:
        return str(item["value"])
    reference = item["valueFrom"]["secretKeyRef"]
    return secrets[reference["name"], reference["key"]]
