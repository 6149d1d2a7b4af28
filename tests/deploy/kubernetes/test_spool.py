"""The component `spool`: collectors with volumes, otherwise as they were."""

from typing import Any

import pytest

from collector.settings import CollectorSettings
from eventrail.settings import variable
from tests.deploy.endings import longest_with_spool
from tests.deploy.kubernetes.manifests import SERVICES, Manifests
from tests.deploy.kubernetes.test_pods import memory

pytestmark = [pytest.mark.kustomize, pytest.mark.slow]

BESIDE_THE_FILE = 16 << 20
"""Bytes that the volume needs besides (docs/spool.md)."""


def collector(with_spool: Manifests) -> dict[str, Any]:
    assert "collector" not in with_spool.named("Deployment")
    return with_spool.one("StatefulSet", "collector")


def test_the_spool_lies_on_the_volume_of_its_pod(with_spool: Manifests) -> None:
    own = {item["name"]: item.get("value") for item in with_spool.container("collector")["env"]}
    (claim,) = collector(with_spool)["spec"]["volumeClaimTemplates"]
    (mount,) = [
        mount
        for mount in with_spool.container("collector")["volumeMounts"]
        if mount["name"] == claim["metadata"]["name"]
    ]
    assert str(own[variable(CollectorSettings, "spool")]).startswith(f"{mount['mountPath']}/")
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    size = memory(claim["spec"]["resources"]["requests"]["storage"])
    assert size >= CollectorSettings().spool_max_bytes + BESIDE_THE_FILE
    assert variable(CollectorSettings, "spool_max_bytes") not in {*own, *with_spool.config}


def test_its_user_may_write_there(with_spool: Manifests) -> None:
    # The user of the image (Dockerfile).
    assert with_spool.pods()["collector"]["securityContext"]["fsGroup"] == 65532


def test_it_has_the_time_to_empty_its_spool(with_spool: Manifests) -> None:
    seconds = longest_with_spool(float(with_spool.config["EVENTRAIL_DRAIN_SECONDS"]))
    assert with_spool.pods()["collector"]["terminationGracePeriodSeconds"] >= seconds


def test_it_is_scaled_spread_and_reached_as_before(with_spool: Manifests, production: Manifests) -> None:
    (scaler,) = with_spool.of("HorizontalPodAutoscaler")
    assert scaler["spec"]["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "name": "collector",
    }
    assert collector(with_spool)["spec"]["serviceName"] in with_spool.named("Service")
    assert "replicas" not in collector(with_spool)["spec"]
    for spread in with_spool.pods()["collector"]["topologySpreadConstraints"]:
        assert spread["matchLabelKeys"] == [
            "controller-revision-hash"
        ]  # what a StatefulSet writes on its pods
    labels = [each.templates()["collector"]["metadata"]["labels"] for each in (with_spool, production)]
    assert labels[0] == labels[1]


def test_nothing_else_changes(with_spool: Manifests, production: Manifests) -> None:
    changed = [each for each in with_spool.documents if each not in production.documents]
    assert {(each["kind"], each["metadata"]["name"]) for each in changed} == {
        ("StatefulSet", "collector"),
        ("HorizontalPodAutoscaler", "collector"),
    }
    assert set(with_spool.pods()) == {*SERVICES, "migrate"}
