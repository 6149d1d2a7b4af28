"""How many pods there are: enough for what docs/scaling.md reckons, and never more than partitions."""

import re
from typing import Any

import pytest

from benchmarks.__main__ import RESULTS
from benchmarks.report import Report
from benchmarks.scaling.__main__ import costs_of
from benchmarks.scaling.model import Costs, Load, needed
from eventrail.contract import topics
from eventrail.settings import KafkaSettings
from tests.deploy.kubernetes.manifests import Manifests
from tests.deploy.kubernetes.test_pods import cpu
from writer.settings import WriterSettings

pytestmark = [pytest.mark.kustomize, pytest.mark.slow]

RATE = 10_000
"""Events per second that the overlay `production` says it begins with."""

BUSY = 0.6
"""Share of a core that docs/scaling.md lets a process use."""

CONSUMERS = {
    "enricher": (topics.ENRICHER_APP, topics.RAW.name),
    "writer": (topics.WRITER_GROUP, topics.ENRICHED.name),
}


@pytest.fixture(scope="module")
def costs() -> Costs:
    return costs_of(Report.read(RESULTS / "load.json"))


def partitions(overlay: Manifests) -> int:
    return int(overlay.config.get("EVENTRAIL_TOPIC_PARTITIONS", KafkaSettings().topic_partitions))


def bounds(overlay: Manifests) -> dict[str, tuple[int, int]]:
    """Fewest and most pods of each Deployment."""
    found = {
        name: (spec["replicas"], spec["replicas"])
        for name, each in overlay.named("Deployment").items()
        if "replicas" in (spec := each["spec"])
    }
    for each in overlay.of("HorizontalPodAutoscaler"):
        found[target(each)] = (each["spec"]["minReplicas"], each["spec"]["maxReplicas"])
    for each in overlay.of("ScaledObject"):
        found[target(each)] = (each["spec"]["minReplicaCount"], each["spec"]["maxReplicaCount"])
    return found


def target(scaler: dict[str, Any]) -> str:
    reference: dict[str, str] = scaler["spec"]["scaleTargetRef"]
    assert (reference["apiVersion"], reference["kind"]) == ("apps/v1", "Deployment")
    return reference["name"]


def trigger(scaler: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = [each for each in scaler["spec"]["triggers"] if each["type"] == kind]
    result: dict[str, Any] = found
    return result


def test_there_are_never_more_pods_than_partitions(overlay: Manifests) -> None:
    numbers = bounds(overlay)
    assert set(numbers) == set(overlay.named("Deployment"))
    for name, (fewest, most) in numbers.items():
        assert 1 <= fewest <= most <= partitions(overlay), name


def test_a_number_that_a_scaler_changes_stands_nowhere_else(production: Manifests) -> None:
    scaled = {target(each) for each in production.of("HorizontalPodAutoscaler", "ScaledObject")}
    assert scaled == {"collector", "enricher", "writer"}
    for name, deployment in production.named("Deployment").items():
        assert ("replicas" in deployment["spec"]) is (name not in scaled)


def test_the_most_pods_share_the_partitions_evenly(production: Manifests) -> None:
    for name in CONSUMERS:
        assert all(partitions(production) % number == 0 for number in bounds(production)[name])


def test_production_begins_with_what_its_rate_needs(production: Manifests, costs: Costs) -> None:
    wanted = needed(costs, Load(RATE, visitors=1_000 * RATE), BUSY)
    fewest = {name: low for name, (low, _most) in bounds(production).items()}
    assert fewest["collector"] >= wanted.collectors
    assert fewest["enricher"] >= wanted.enrichers
    assert fewest["writer"] >= wanted.writers
    assert fewest["auditor"] >= wanted.auditors
    assert partitions(production) >= wanted.partitions


def test_processors_that_are_asked_for_are_those_of_the_capacity_card(dev: Manifests, costs: Costs) -> None:
    """Two pods of each at that rate, so that none is busier than docs/scaling.md lets it be."""
    of_two = {"collector": costs.collector, "enricher": costs.enricher, "writer": costs.writer}
    for name, seconds in {**of_two, "auditor": 2 * costs.auditor}.items():
        needs = seconds * RATE / 1e6 / BUSY / 2
        asked = cpu(dev.container(name)["resources"]["requests"]["cpu"])
        assert needs <= asked <= 1.25 * needs, name


def test_one_more_pod_comes_before_a_process_has_used_up_its_core(production: Manifests) -> None:
    (collector,) = production.of("HorizontalPodAutoscaler")
    (metric,) = collector["spec"]["metrics"]
    assert metric["resource"]["name"] == "cpu"
    limits = {"collector": metric["resource"]["target"]}
    for each in production.of("ScaledObject"):
        of_cpu = trigger(each, "cpu")
        limits[target(each)] = {
            "type": of_cpu["metricType"],
            "averageValue": of_cpu["metadata"]["value"],
        }
    assert set(limits) == {"collector", "enricher", "writer"}
    for name, limit in limits.items():
        assert limit["type"] == "AverageValue"
        assert cpu(limit["averageValue"]) == BUSY
        assert production.container(name)["resources"]["requests"]["cpu"] == limit["averageValue"]


def test_lag_is_that_of_the_group_and_topic_of_the_service(production: Manifests) -> None:
    scalers = {target(each): trigger(each, "kafka") for each in production.of("ScaledObject")}
    assert set(scalers) == set(CONSUMERS)
    for name, (group, topic) in CONSUMERS.items():
        metadata = scalers[name]["metadata"]
        assert (metadata["consumerGroup"], metadata["topic"]) == (group, topic)
        assert metadata["bootstrapServers"] == production.config["EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS"]
        assert metadata["allowIdleConsumers"] == "false"
        assert not [value for value in metadata.values() if not isinstance(value, str)]


def test_a_writer_that_keeps_up_does_not_call_for_more(production: Manifests, costs: Costs) -> None:
    """What a full core leaves uncommitted between two inserts, and while the second one runs as long."""
    scalers = {target(each): trigger(each, "kafka") for each in production.of("ScaledObject")}
    per_second = 1e6 / costs.writer
    threshold = int(scalers["writer"]["metadata"]["lagThreshold"])
    assert threshold >= 2 * WriterSettings().insert_interval_seconds * per_second
    assert threshold <= 10 * per_second


def test_the_scaler_sees_offsets_and_reads_nothing(production: Manifests) -> None:
    (access,) = production.of("TriggerAuthentication")
    for each in production.of("ScaledObject"):
        assert trigger(each, "kafka")["authenticationRef"] == {"name": access["metadata"]["name"]}
    (name,) = access["spec"]["configMapTargetRef"]
    user = production.one("ConfigMap", name["name"])["data"][name["key"]]
    rights = production.one("KafkaUser", user)["spec"]["authorization"]["acls"]
    assert {operation for right in rights for operation in right["operations"]} == {"Describe"}
    secrets = {each["parameter"]: (each["name"], each["key"]) for each in access["spec"]["secretTargetRef"]}
    assert secrets == {"password": (user, "password"), "ca": ("eventrail-cluster-ca-cert", "ca.crt")}


def test_comments_of_the_thresholds_have_the_figures_of_the_card(costs: Costs) -> None:
    from devstack.checkout import CHECKOUT

    text = (CHECKOUT / "k8s/components/autoscaling/writer.yaml").read_text(encoding="utf-8")
    (told,) = re.findall(r"\(([\d,]+)/s\)", text)
    assert int(told.replace(",", "")) == pytest.approx(1e6 / costs.writer, rel=0.02)
