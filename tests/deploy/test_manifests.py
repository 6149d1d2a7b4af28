"""What Compose and Kubernetes set is what the services read: no misspelt variable, port, path or module."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
import yaml

from eventrail.kafka.acls import ROLES
from eventrail.settings import Settings, variable

ROOT = Path(__file__).parents[2]
SERVICES = {
    "collector": "collector",
    "enricher": "enricher",
    "writer": "writer",
    "query-api": "query_api",
    "auditor": "auditor",
}


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
    services = [service for name, service in compose()["services"].items() if name != "clickhouse"]
    used = {name for service in services for name in service["environment"]}
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


@pytest.mark.parametrize("name", SERVICES)
def test_compose_waits_for_an_orderly_end(name: str) -> None:
    assert int(compose()["services"][name]["stop_grace_period"].removesuffix("s")) >= 30


def test_every_pod_runs_without_root_and_with_a_read_only_root() -> None:
    pods = [d["spec"]["template"]["spec"] for d in documents() if d.get("kind") in {"Deployment", "Job"}]
    assert len(pods) == 7
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert all(c["securityContext"]["readOnlyRootFilesystem"] for c in pod["containers"])


@pytest.mark.parametrize("name", ["topics", "migrate", *SERVICES])
def test_compose_builds_a_package_of_the_workspace(name: str) -> None:
    arguments = compose()["services"][name]["build"]["args"]
    assert importlib.util.find_spec(f"{arguments['MODULE']}.__main__")
    manifests = [*ROOT.glob("libs/*/pyproject.toml"), *ROOT.glob("services/*/pyproject.toml")]
    assert any(f'name = "{arguments["PACKAGE"]}"' in path.read_text() for path in manifests)


def users_of(file: Path) -> dict[str, str]:
    """Name -> variable of the password's digest, of each user in a file of ClickHouse's users.d."""
    users = ElementTree.parse(file).getroot().find("users")  # noqa: S314 - a file of this checkout
    assert users is not None
    return {user.tag: user.find("password_sha256_hex").attrib["from_env"] for user in users}  # type: ignore[union-attr]


def test_compose_gives_each_job_its_own_user_at_clickhouse() -> None:
    services = compose()["services"]
    digests = services["clickhouse"]["environment"]
    users = users_of(ROOT / "deploy/clickhouse/users.xml")
    assert set(digests) == set(users.values())
    mounted = [volume for volume in services["clickhouse"]["volumes"] if "users.d" in volume]
    assert mounted == ["./deploy/clickhouse/users.xml:/etc/clickhouse-server/users.d/eventrail.xml:ro"]
    roles = {"migrate": "migrator", "writer": "writer", "query-api": "reader", "auditor": "auditor"}
    for name, role in roles.items():
        url = urlsplit(services[name]["environment"]["EVENTRAIL_CLICKHOUSE_URL"])
        assert url.username == f"eventrail_{role}"
        assert sha256(str(url.password).encode()).hexdigest() == digests[users[url.username]]


def test_kubernetes_gives_each_job_its_own_user_at_clickhouse() -> None:
    pods = {
        d["metadata"]["name"]: d["spec"]["template"]["spec"]
        for d in documents()
        if d.get("kind") in {"Deployment", "Job"}
    }
    keys = {
        name: item["valueFrom"]["secretKeyRef"]["key"]
        for name, pod in pods.items()
        for item in pod["containers"][0].get("env", [])
        if item["name"] == "EVENTRAIL_CLICKHOUSE_URL"
    }
    assert keys == {
        "migrate": "clickhouse-url-migrator",
        "writer": "clickhouse-url-writer",
        "query-api": "clickhouse-url-reader",
        "auditor": "clickhouse-url-auditor",
    }
    told = (ROOT / "k8s/base/config.yaml").read_text()
    assert all(f"--from-literal={key}=" in told for key in keys.values())


def test_the_component_for_secure_brokers_patches_every_pod_that_speaks_to_kafka() -> None:
    component = yaml.safe_load((ROOT / "k8s/components/kafka-tls/kustomization.yaml").read_text())
    config, *pods = component["patches"]
    names = {operation["path"].rpartition("/")[2] for operation in yaml.safe_load(config["patch"])}
    assert names <= known_variables()
    assert {patch["target"]["name"] for patch in pods} == {*SERVICES, "topics"}
    there = {(d["kind"], d["metadata"]["name"]) for d in documents() if "metadata" in d}
    for patch in pods:
        made = yaml.safe_load(patch["patch"])
        assert (made["kind"], made["metadata"]["name"]) in there
        assert patch["target"] == {"kind": made["kind"], "name": made["metadata"]["name"]}
        (container,) = made["spec"]["template"]["spec"]["containers"]
        role = made["metadata"]["name"]
        assert container["env"] == [{"name": "EVENTRAIL_KAFKA_SASL_USERNAME", "value": f"eventrail-{role}"}]
        assert role in ROLES


def test_images_run_without_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    last = [line for line in lines if line.startswith("USER ")][-1]
    user = last.removeprefix("USER ").partition(":")[0]
    assert user.isdecimal()
    assert int(user) > 0
    assert lines.index(last) < next(at for at, line in enumerate(lines) if line.startswith("ENTRYPOINT"))
