"""The examples of Ingress and Gateway API lead to what the services serve, and to nothing internal."""

from collections.abc import Iterator

import pytest

from collector.routes import collect
from collector.settings import CollectorSettings
from collector.trusted_proxies import parse_networks
from eventrail.settings import variable
from tests.deploy.kubernetes.manifests import Manifests

pytestmark = [pytest.mark.kustomize, pytest.mark.slow]

INTERNAL = ("/metrics", "/livez", "/readyz")
PUBLIC = {"collector": {*collect.PATHS, "/s.js"}, "query-api": {"/api"}}


def ingress(manifests: Manifests) -> Iterator[tuple[str, str, str | int]]:
    """Path, Service and port of each way."""
    for each in manifests.of("Ingress"):
        for rule in each["spec"]["rules"]:
            assert rule["host"] in each["spec"]["tls"][0]["hosts"]
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                yield path["path"], service["name"], service["port"]["name"]


def gateway(manifests: Manifests) -> Iterator[tuple[str, str, str | int]]:
    (door,) = manifests.of("Gateway")
    listeners = {each["name"]: each for each in door["spec"]["listeners"]}
    for route in manifests.of("HTTPRoute"):
        (parent,) = route["spec"]["parentRefs"]
        assert parent["name"] == door["metadata"]["name"]
        assert route["spec"]["hostnames"] == [listeners[parent["sectionName"]]["hostname"]]
        for rule in route["spec"]["rules"]:
            (backend,) = rule["backendRefs"]
            for match in rule["matches"]:
                yield match["path"]["value"], backend["name"], backend["port"]


@pytest.mark.parametrize("ways", [ingress, gateway])
def test_the_doors_lead_to_the_public_paths_alone(with_doors: Manifests, ways: object) -> None:
    found = list(ways(with_doors))  # type: ignore[operator]
    services = with_doors.named("Service")
    for path, name, port in found:
        (there,) = services[name]["spec"]["ports"]
        assert port in {there["name"], there["port"]}
        assert not any(inner.startswith(path) for inner in INTERNAL)
    assert {name: {path for path, to, _port in found if to == name} for name in PUBLIC} == PUBLIC


def test_every_door_speaks_tls(with_doors: Manifests) -> None:
    (door,) = with_doors.of("Gateway")
    for listener in door["spec"]["listeners"]:
        assert listener["protocol"] == "HTTPS"
        assert listener["tls"]["certificateRefs"]
    assert all(each["spec"]["tls"][0]["secretName"] for each in with_doors.of("Ingress"))


def test_behind_a_door_the_collector_believes_its_proxies(
    with_doors: Manifests, production: Manifests
) -> None:
    name = variable(CollectorSettings, "trusted_proxies")
    assert parse_networks(with_doors.config[name])
    assert name not in production.config
