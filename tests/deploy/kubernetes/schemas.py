"""What an API server would refuse: a manifest against the schema of its kind, with nothing left over.

Defaults and rules in CEL (`x-kubernetes-validations`) are not looked at.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import yaml

Schema = dict[str, Any]
Kind = tuple[str, str]
"""`apiVersion` and `kind`."""

_REFERENCE: Final = "#/definitions/"
_INT_OR_STRING: Final = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"


def strict(schema: Any) -> Any:
    """`schema`, where an object has no members but those that are named."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    open_ended = made.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in made
    if isinstance(made.get("properties"), dict) and not open_ended:
        made["additionalProperties"] = False
    return made


@dataclass(frozen=True)
class Kubernetes:
    """The schemas of one version, from its OpenAPI document."""

    path: Path

    @cached_property
    def definitions(self) -> dict[str, Schema]:
        read = json.loads(self.path.read_text(encoding="utf-8"))["definitions"]
        return {**read, _INT_OR_STRING: {"type": ["integer", "string"]}}

    @cached_property
    def names(self) -> dict[Kind, str]:
        """Name of the definition by kind."""
        return {
            (f"{kind['group']}/{kind['version']}".lstrip("/"), kind["kind"]): name
            for name, definition in self.definitions.items()
            for kind in definition.get("x-kubernetes-group-version-kind", [])
        }

    def schema(self, kind: Kind) -> Schema:
        """A schema that needs no other document."""
        name = self.names[kind]
        used = {each: strict(self.definitions[each]) for each in self._reached(name, set())}
        return {"$ref": f"{_REFERENCE}{name}", "definitions": used}

    def _reached(self, name: str, seen: set[str]) -> set[str]:
        if name not in seen:
            seen.add(name)
            for other in _references(self.definitions[name]):
                self._reached(other, seen)
        return seen


def _references(schema: Any) -> Iterator[str]:
    for key, value in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if key == "$ref" and isinstance(value, str):
            yield value.removeprefix(_REFERENCE)
        elif isinstance(value, (dict, list)):
            yield from _references(value)


def custom(path: Path) -> dict[Kind, Schema]:
    """The schemas of each served version of a CustomResourceDefinition."""
    spec = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))["spec"]  # noqa: S506
    found = {}
    for version in spec["versions"]:
        if version["served"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}  # Kubernetes' own
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


def faults(schema: Schema, manifest: dict[str, Any]) -> list[str]:
    """Where the manifest departs from the schema, in words."""
    errors = jsonschema_rs.Draft7Validator(schema).iter_errors(manifest)
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    return [f"{name}: {'/'.join(map(str, error.instance_path))}: {error.message}" for error in errors]
