"""What the optional profiles of Compose bring: Prometheus and Grafana that find everything, and a load generator."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.load import Order
from tests.deploy.test_compose import PORTS, ROOT, compose

PROMETHEUS = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yaml").read_text(encoding="utf-8"))
PROVISIONING = ROOT / "deploy/grafana/provisioning"


def services() -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"]
    return found


def mounts(name: str) -> dict[str, Path]:
    """What of this checkout a service sees: its path there -> the path here."""
    pairs = (volume.split(":") for volume in services()[name]["volumes"] if volume.startswith("./"))
    return {there: ROOT / here for here, there, _mode in pairs}


def provisioned(kind: str) -> list[dict[str, Any]]:
    """What the files of one kind say together."""
    loaded = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (PROVISIONING / kind).iterdir()]
    return [each for one in loaded for each in one["providers" if kind == "dashboards" else kind]]


def test_without_a_profile_nothing_of_it_starts() -> None:
    profiles = {name: service["profiles"] for name, service in services().items() if "profiles" in service}
    assert profiles == {"prometheus": ["observability"], "grafana": ["observability"], "load": ["load"]}


@pytest.mark.parametrize("name", ["prometheus", "grafana", "load"])
def test_what_is_mounted_is_there_and_cannot_be_changed(name: str) -> None:
    assert all(volume.endswith(":ro") for volume in services()[name]["volumes"] if volume.startswith("./"))
    assert mounts(name)
    assert all(path.exists() for path in mounts(name).values())


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_programs_of_others_are_pinned_and_listen_on_this_machine_alone(name: str) -> None:
    service = services()[name]
    assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", service["image"])
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_prometheus_asks_each_service_at_its_port() -> None:
    (job,) = PROMETHEUS["scrape_configs"]
    (targets,) = (each["targets"] for each in job["static_configs"])
    assert sorted(targets) == sorted(f"{name}:{port}" for name, port in PORTS.items())
    assert mounts("prometheus")["/etc/prometheus/prometheus.yml"].name == "prometheus.yaml"


def test_prometheus_knows_the_alert_rules() -> None:
    (rules,) = PROMETHEUS["rule_files"]
    assert mounts("prometheus")[rules] == ROOT / "deploy/prometheus/alerts.yaml"


def test_grafana_finds_prometheus_and_each_dashboard() -> None:
    assert mounts("grafana")["/etc/grafana/provisioning"] == PROVISIONING
    (source,) = provisioned("datasources")
    assert (source["type"], source["url"], source["isDefault"]) == (
        "prometheus",
        "http://prometheus:9090",
        True,
    )
    (provider,) = provisioned("dashboards")
    folder = provider["options"]["path"]
    shown = {path for there, path in mounts("grafana").items() if there.startswith(f"{folder}/")}
    assert shown == set((ROOT / "deploy/grafana").glob("*.json"))
    home = services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home in mounts("grafana")


def test_the_load_generator_gets_an_order_that_it_understands() -> None:
    (text,) = services()["load"]["command"]
    order = Order(**json.loads(re.sub(r"\$\{EVENTRAIL_LOAD_\w+:-(\d+)\}", r"\1", text)))
    assert (order.host, order.port) == ("collector", PORTS["collector"])
    assert order.rate > 0
    assert order.rate * order.batch < 1000


def test_the_load_generator_finds_its_code_and_has_its_packages() -> None:
    load = services()["load"]
    (there,) = mounts("load")
    assert Path(there) == Path(load["environment"]["PYTHONPATH"], "benchmarks/load")
    assert mounts("load")[there] == ROOT / "benchmarks/load"
    assert load["build"]["args"] == {"PACKAGE": "eventrail-collector", "MODULE": "benchmarks.load"}
    assert load["read_only"] is True
