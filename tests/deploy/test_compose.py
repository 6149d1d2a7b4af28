"""What Compose sets is what the services read: no misspelt variable, port or module."""

import importlib
import pkgutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
import yaml

from eventrail.settings import Settings, variable
from tests.deploy.endings import KINDS, longest

ROOT = Path(__file__).parents[2]
SERVICES = {
    "collector": "collector",
    "enricher": "enricher",
    "writer": "writer",
    "query-api": "query_api",
    "auditor": "auditor",
}
PORTS = {"collector": 8400, "query-api": 8401, "enricher": 8402, "writer": 8403, "auditor": 8404}


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


def test_compose_sets_only_variables_that_are_read() -> None:
    services = [service for name, service in compose()["services"].items() if name != "clickhouse"]
    used = {name for service in services for name in service.get("environment", ())}
    used = {name for name in used if name.startswith("EVENTRAIL_")}
    assert len(used) >= 8
    assert used <= known_variables()


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_listens_at_its_own_port(name: str) -> None:
    service = compose()["services"][name]
    variable_name = f"EVENTRAIL_{name.replace('-', '_').upper()}_LISTEN"
    assert service["environment"][variable_name] == f"0.0.0.0:{PORTS[name]}"
    assert service["ports"] == [f"127.0.0.1:{PORTS[name]}:{PORTS[name]}"]


@pytest.mark.parametrize("name", SERVICES)
def test_compose_waits_for_an_orderly_end(name: str) -> None:
    service = compose()["services"][name]
    changed = set(service["environment"]) & {
        variable(kind, field) for kind in KINDS for field in kind.model_fields
    }
    assert changed <= {f"EVENTRAIL_{SERVICES[name].upper()}_LISTEN"}
    assert int(service["stop_grace_period"].removesuffix("s")) >= longest(drain=0)[name]


@pytest.mark.parametrize("name", ["topics", "migrate", *SERVICES])
def test_our_programs_may_change_nothing_but_a_folder_of_their_own(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "volumes" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_services_are_looked_at_by_the_check_of_their_image(name: str) -> None:
    service = compose()["services"][name]
    assert "healthcheck" not in service
    assert service["restart"] == "unless-stopped"
    assert int(service["build"]["args"]["PORT"]) == PORTS[name]
    assert service["build"]["target"] == ("collector" if name == "collector" else "service")


@pytest.mark.parametrize("name", ["topics", "migrate"])
def test_jobs_run_once_and_are_asked_nothing(name: str) -> None:
    service = compose()["services"][name]
    assert service["healthcheck"] == {"disable": True}
    assert "restart" not in service
    assert service["build"]["target"] == "service"


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
