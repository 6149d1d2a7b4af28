"""Every manifest against the schema of its kind: Kubernetes' own, and those of KEDA, Strimzi and the Gateway API."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from devstack import schemas as fetched
from tests.deploy.kubernetes.manifests import Manifests
from tests.deploy.kubernetes.schemas import Kind, Kubernetes, Schema, custom, faults

pytestmark = [pytest.mark.kustomize, pytest.mark.slow]

WITHOUT_SCHEMA = {"ClickHouseInstallation", "ClickHouseKeeperInstallation"}
"""No registry serves those of Altinity's operator (docs/deploy-kubernetes.md)."""


@pytest.fixture(scope="session")
def folder() -> Path:
    return fetched.ensure(print)


@pytest.fixture(scope="session")
def versions(folder: Path) -> list[Kubernetes]:
    return [Kubernetes(path) for path in sorted(folder.glob("kubernetes-*.json"))]


@pytest.fixture(scope="session")
def operators(folder: Path) -> dict[Kind, Schema]:
    return {kind: schema for path in folder.glob("*.yaml") for kind, schema in custom(path).items()}


@pytest.fixture(scope="session")
def everything(
    dev: Manifests,
    production: Manifests,
    with_doors: Manifests,
    with_spool: Manifests,
    with_canary: Manifests,
) -> list[dict[str, Any]]:
    """Each different manifest once."""
    found: dict[str, dict[str, Any]] = {}
    for manifests in (dev, production, with_doors, with_spool, with_canary):
        found |= {str(each): each for each in manifests.documents}
    return list(found.values())


def kind_of(manifest: dict[str, Any]) -> Kind:
    return manifest["apiVersion"], manifest["kind"]


def test_the_oldest_and_the_newest_version_are_asked(versions: list[Kubernetes]) -> None:
    assert [version.path.stem for version in versions] == ["kubernetes-1.34.4", "kubernetes-1.37.2"]


def test_kubernetes_would_take_every_manifest(
    everything: list[dict[str, Any]], versions: list[Kubernetes], operators: dict[Kind, Schema]
) -> None:
    own = [
        each for each in everything if kind_of(each) not in operators and each["kind"] not in WITHOUT_SCHEMA
    ]
    assert len({each["kind"] for each in own}) >= 9
    for version in versions:
        schemas = {kind: version.schema(kind) for kind in {kind_of(each) for each in own}}
        assert [fault for each in own for fault in faults(schemas[kind_of(each)], each)] == []


def test_the_operators_would_take_every_manifest(
    everything: list[dict[str, Any]], operators: dict[Kind, Schema]
) -> None:
    theirs = [each for each in everything if kind_of(each) in operators]
    assert {each["kind"] for each in theirs} == {kind for _version, kind in operators}
    assert [fault for each in theirs for fault in faults(operators[kind_of(each)], each)] == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda pod: pod.update(terminationGracePeriod=3),
        lambda pod: pod.update(terminationGracePeriodSeconds="3"),
        lambda pod: pod["containers"][0]["livenessProbe"]["httpGet"].update(prot=1),
        lambda pod: pod.pop("containers"),
    ],
)
def test_a_wrong_manifest_is_refused(production: Manifests, versions: list[Kubernetes], damage: Any) -> None:
    wrong = deepcopy(production.one("Deployment", "writer"))
    damage(wrong["spec"]["template"]["spec"])
    for version in versions:
        assert faults(version.schema(kind_of(wrong)), wrong)


def test_a_wrong_resource_of_an_operator_is_refused(
    production: Manifests, operators: dict[Kind, Schema]
) -> None:
    wrong = deepcopy(production.one("ScaledObject", "writer"))
    wrong["spec"]["triggers"][0]["metdata"] = wrong["spec"]["triggers"][0].pop("metadata")
    assert len(faults(operators[kind_of(wrong)], wrong)) == 2
    topic = deepcopy(next(production.of("KafkaTopic")))
    topic["spec"]["partitions"] = "24"
    assert faults(operators[kind_of(topic)], topic)
