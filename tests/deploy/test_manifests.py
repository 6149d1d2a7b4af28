"""What Compose and Kubernetes set is what the services read: no misspelt variable, port, path or module."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from eventrail.settings import Settings, variable

ROOT = Path(__file__).parents[2]
SERVICES = {"collector": "collector", "enricher": "enricher", "writer": "writer", "query-api": "query_api"}


def documents() -> Iterator[dict[str, Any]]:
    for path in sorted((ROOT / "k8s" / "base").glob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text())


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def known_variables() -> set[str]:
    for module in ("eventrail", *SERVICES.values()):
        package = importlib.import_module(module)
        for found in pkgutil.walk_packages(package.__path__, f"{module}."):
            if found.name.endswith(("settings", "sealing")):
                importlib.import_module(found.name)
    return {variable(kind, name) for kind in _kinds(Settings) for name in kind.model_fields}


def _kinds(kind: type[Settings]) -> Iterator[type[Settings]]:
    for found in kind.__subclasses__():
        if found.__module__.partition(".")[0] in {"eventrail", *SERVICES.values()}:
            yield found
            yield from _kinds(found)


def deployments() -> dict[str, dict[str, Any]]:
    return {
        d["metadata"]["name"]: d["spec"]["template"]["spec"] for d in documents() if d["kind"] == "Deployment"
    }


def test_every_file_of_the_base_is_listed() -> None:
    listed = yaml.safe_load((ROOT / "k8s/base/kustomization.yaml").read_text())["resources"]
    assert sorted([*listed, "kustomization.yaml"]) == sorted(
        p.name for p in (ROOT / "k8s/base").glob("*.yaml")
    )


def test_kubernetes_sets_only_variables_that_are_read() -> None:
    text = "".join(path.read_text() for path in (ROOT / "k8s").rglob("*.yaml"))
    used = set(re.findall(r"EVENTRAIL_[A-Z_]+[A-Z]", text))
    assert len(used) >= 9
    assert used <= known_variables()


def test_compose_sets_only_variables_that_are_read() -> None:
    used = {name for service in compose()["services"].values() for name in service["environment"]}
    used = {name for name in used if name.startswith("EVENTRAIL_")}
    assert len(used) >= 8
    assert used <= known_variables()


@pytest.mark.parametrize("name", SERVICES)
def test_probes_and_ports_are_those_the_service_listens_at(name: str) -> None:
    (container,) = deployments()[name]["containers"]
    (port,) = container["ports"]
    listen = next(item["value"] for item in container["env"] if item["name"].endswith("_LISTEN"))
    assert listen == f"0.0.0.0:{port['containerPort']}"
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": port["name"]}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}
    assert (
        compose()["services"][name]["environment"][f"EVENTRAIL_{name.replace('-', '_').upper()}_LISTEN"]
        == listen
    )


def test_every_pod_runs_without_root_and_with_a_read_only_root() -> None:
    pods = [d["spec"]["template"]["spec"] for d in documents() if d.get("kind") in {"Deployment", "Job"}]
    assert len(pods) == 6
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert all(c["securityContext"]["readOnlyRootFilesystem"] for c in pod["containers"])


@pytest.mark.parametrize("name", ["topics", "migrate", *SERVICES])
def test_compose_builds_a_package_of_the_workspace(name: str) -> None:
    arguments = compose()["services"][name]["build"]["args"]
    assert importlib.util.find_spec(f"{arguments['MODULE']}.__main__")
    manifests = [*ROOT.glob("libs/*/pyproject.toml"), *ROOT.glob("services/*/pyproject.toml")]
    assert any(f'name = "{arguments["PACKAGE"]}"' in path.read_text() for path in manifests)
