"""Who may speak to whom: the policies, asked as Kubernetes would ask them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from eventrail.kafka.acls import ROLES
from tests.deploy.kubernetes.manifests import SERVICES, Manifests

pytestmark = [pytest.mark.kustomize, pytest.mark.slow]

Labels = dict[str, str]


@dataclass(frozen=True)
class Pod:
    """One end of a connection."""

    labels: Labels
    namespace: Labels = field(default_factory=lambda: {"kubernetes.io/metadata.name": "eventrail"})


DNS = Pod({"k8s-app": "kube-dns"}, {"kubernetes.io/metadata.name": "kube-system"})
DOOR = Pod({}, {"kubernetes.io/metadata.name": "ingress", "eventrail/door": "true"})
PROMETHEUS = Pod({}, {"kubernetes.io/metadata.name": "monitoring", "eventrail/metrics": "true"})
STRANGER = Pod({"app": "stranger"}, {"kubernetes.io/metadata.name": "default"})
NEIGHBOUR = Pod({"app": "stranger"})
KAFKA = Pod({"eventrail/backend": "kafka"})
CLICKHOUSE = Pod({"eventrail/backend": "clickhouse"})
INTERNET = Pod({}, {})


def selects(selector: dict[str, Any], labels: Labels) -> bool:
    expressions = selector.get("matchExpressions", [])
    assert all(expression["operator"] == "In" for expression in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in expressions
    )


def is_peer(peer: dict[str, Any], other: Pod) -> bool:
    """Without a namespaceSelector a peer is of the policy's own namespace."""
    assert set(peer) <= {"podSelector", "namespaceSelector"}
    space = peer.get("namespaceSelector", {"matchLabels": {"kubernetes.io/metadata.name": "eventrail"}})
    return (
        other is not INTERNET
        and selects(space, other.namespace)
        and selects(peer.get("podSelector", {}), other.labels)
    )


def allowed(overlay: Manifests, direction: str, pod: Pod, other: Pod, port: tuple[str, int]) -> bool:
    """Whether the policies let `pod` take (Ingress) or begin (Egress) a connection with `other`."""
    policies = [
        each["spec"]
        for each in overlay.of("NetworkPolicy")
        if direction in each["spec"]["policyTypes"] and selects(each["spec"]["podSelector"], pod.labels)
    ]
    assert policies, "a pod that no policy is about may do everything"
    side = {"Ingress": "from", "Egress": "to"}[direction]
    return any(
        any(is_peer(peer, other) for peer in rule[side]) and any(_is(each, port) for each in rule["ports"])
        for policy in policies
        for rule in policy.get(direction.lower(), [])
    )


def _is(rule: dict[str, Any], port: tuple[str, int]) -> bool:
    protocol, number = port
    last = rule.get("endPort", rule["port"])
    return bool(rule["protocol"] == protocol and rule["port"] <= number <= last)


def ours(overlay: Manifests) -> Iterator[tuple[str, Pod]]:
    for name, template in overlay.templates().items():
        yield name, Pod(template["metadata"]["labels"])


def test_every_pod_may_ask_for_names(overlay: Manifests) -> None:
    for _name, pod in ours(overlay):
        assert allowed(overlay, "Egress", pod, DNS, ("UDP", 53))
        assert allowed(overlay, "Egress", pod, DNS, ("TCP", 53))
        assert not allowed(overlay, "Egress", pod, DNS, ("TCP", 443))


def test_who_has_rights_at_kafka_may_reach_it_and_nobody_else(overlay: Manifests) -> None:
    for name, pod in ours(overlay):
        for port in (9092, 9093):
            assert allowed(overlay, "Egress", pod, KAFKA, ("TCP", port)) is (name in ROLES)


def test_who_has_an_address_of_clickhouse_may_reach_it_and_nobody_else(overlay: Manifests) -> None:
    for name, pod in ours(overlay):
        own = {item["name"] for item in overlay.container(name).get("env", [])}
        for port in (9000, 9440):
            reaches = allowed(overlay, "Egress", pod, CLICKHOUSE, ("TCP", port))
            assert reaches is ("EVENTRAIL_CLICKHOUSE_URL" in own)


def test_backends_are_reached_at_no_other_port(overlay: Manifests) -> None:
    for _name, pod in ours(overlay):
        assert not allowed(overlay, "Egress", pod, KAFKA, ("TCP", 9091))
        assert not allowed(overlay, "Egress", pod, CLICKHOUSE, ("TCP", 8123))
        assert not allowed(overlay, "Egress", pod, KAFKA, ("TCP", 9000))
        assert not allowed(overlay, "Egress", pod, CLICKHOUSE, ("TCP", 9092))


def test_nothing_else_is_reached(overlay: Manifests) -> None:
    for _name, pod in ours(overlay):
        others = [other for _other, other in ours(overlay)]
        for other in (*others, STRANGER, NEIGHBOUR, INTERNET, DOOR, PROMETHEUS):
            for port in (53, 443, 6443, 8400, 8401, 9000, 9092, 9093, 9440):
                assert not allowed(overlay, "Egress", pod, other, ("TCP", port))


def test_requests_come_through_the_door_to_collector_and_query_api_alone(overlay: Manifests) -> None:
    for name, pod in ours(overlay):
        for service in SERVICES:
            (port,) = overlay.container(service)["ports"]
            takes = allowed(overlay, "Ingress", pod, DOOR, ("TCP", port["containerPort"]))
            assert takes is (name == service and name in {"collector", "query-api"})


def test_metrics_are_collected_from_every_service(overlay: Manifests) -> None:
    pods = dict(ours(overlay))
    for name in SERVICES:
        (port,) = overlay.container(name)["ports"]
        assert allowed(overlay, "Ingress", pods[name], PROMETHEUS, ("TCP", port["containerPort"]))


def test_nobody_else_gets_in(overlay: Manifests) -> None:
    for _name, pod in ours(overlay):
        others = [other for _other, other in ours(overlay)]
        for other in (*others, STRANGER, NEIGHBOUR, INTERNET, KAFKA, CLICKHOUSE, DNS):
            for port in range(8400, 8405):
                assert not allowed(overlay, "Ingress", pod, other, ("TCP", port))


def test_the_backends_of_production_carry_the_label(production: Manifests) -> None:
    (kafka,) = production.of("Kafka")
    assert kafka["spec"]["kafka"]["template"]["pod"]["metadata"]["labels"] == KAFKA.labels
    (clickhouse,) = production.of("ClickHouseInstallation")
    (template,) = clickhouse["spec"]["templates"]["podTemplates"]
    assert template["metadata"]["labels"] == CLICKHOUSE.labels


def test_pods_of_operators_are_left_to_them(production: Manifests) -> None:
    for policy in production.of("NetworkPolicy"):
        for backend in (KAFKA, CLICKHOUSE, NEIGHBOUR):
            assert not selects(policy["spec"]["podSelector"], backend.labels)
