"""Pods: what they may, how they are looked at, where they run, how they end."""

import json
from datetime import timedelta
from typing import Any

import pytest

from devstack.checkout import CHECKOUT
from eventrail.settings import variable
from tests.deploy.endings import KINDS, longest
from tests.deploy.kubernetes.manifests import SERVICES, Manifests

pytestmark = [pytest.mark.kustomize, pytest.mark.slow]

UNITS = {"Mi": 1 << 20, "Gi": 1 << 30}


def cpu(text: str) -> float:
    return float(text.removesuffix("m")) / 1000 if text.endswith("m") else float(text)


def memory(text: str) -> int:
    return int(text[:-2]) * UNITS[text[-2:]]


def pod_specs(overlay: Manifests) -> dict[str, dict[str, Any]]:
    """Ours, and those that Altinity's operator makes of its templates."""
    operators = {
        each["kind"]: template["spec"]
        for each in overlay.of("ClickHouseInstallation", "ClickHouseKeeperInstallation")
        for template in each["spec"]["templates"]["podTemplates"]
    }
    return {**overlay.pods(), **operators}


def test_the_whole_is_there(overlay: Manifests, production: Manifests) -> None:
    jobs = {"migrate"} if overlay is production else {"migrate", "topics"}
    assert set(overlay.pods()) == {*SERVICES, *jobs}


def assert_restricted(pod: dict[str, Any]) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, control by control."""
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["securityContext"].get("runAsUser") != 0
    kinds = {kind for volume in pod.get("volumes", []) for kind in volume if kind != "name"}
    assert kinds <= {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
    assert "initContainers" not in pod
    for container in pod["containers"]:
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert not {"privileged", "runAsUser", "procMount", "seccompProfile"} & set(security)
        assert all("hostPort" not in port for port in container.get("ports", []))


def test_every_pod_keeps_to_the_restricted_profile(overlay: Manifests, with_canary: Manifests) -> None:
    for pod in (*pod_specs(overlay).values(), with_canary.pods()["canary"]):
        assert_restricted(pod)


def test_the_namespace_demands_the_restricted_profile(overlay: Manifests) -> None:
    (namespace,) = overlay.of("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    inside = [each for each in overlay.documents if each is not namespace]
    assert {each["metadata"]["namespace"] for each in inside} == {namespace["metadata"]["name"]}


def test_our_own_images_have_a_read_only_root_and_a_folder_of_their_own(overlay: Manifests) -> None:
    for name in overlay.pods():
        assert overlay.container(name)["securityContext"]["readOnlyRootFilesystem"] is True
    for name in SERVICES:
        assert {"name": "tmp", "mountPath": "/tmp"} in overlay.container(name)["volumeMounts"]
        assert {"name": "tmp", "emptyDir": {}} in overlay.pods()[name]["volumes"]


def test_nobody_can_speak_to_the_api_server(overlay: Manifests) -> None:
    accounts = overlay.named("ServiceAccount")
    assert set(accounts) == set(overlay.pods())
    assert all(account["automountServiceAccountToken"] is False for account in accounts.values())
    for name, pod in overlay.pods().items():
        assert pod["serviceAccountName"] == name
        assert pod["automountServiceAccountToken"] is False
    assert not list(overlay.of("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"))


def test_names_of_other_services_do_not_become_variables(overlay: Manifests) -> None:
    assert all(pod["enableServiceLinks"] is False for pod in overlay.pods().values())


@pytest.mark.parametrize("name", SERVICES)
def test_probes_ask_where_the_service_listens(overlay: Manifests, name: str) -> None:
    container = overlay.container(name)
    (port,) = container["ports"]
    module = SERVICES[name].upper()
    listen = next(item["value"] for item in container["env"] if item["name"] == f"EVENTRAIL_{module}_LISTEN")
    assert listen == f"0.0.0.0:{port['containerPort']}"
    paths = {probe: container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")}
    alive = {"path": "/livez", "port": port["name"]}
    assert paths == {
        "startup": alive,
        "liveness": alive,
        "readiness": {"path": "/readyz", "port": port["name"]},
    }
    # /readyz asks its checks for two seconds at most, and answers then.
    assert container["readinessProbe"]["timeoutSeconds"] > 2


def test_services_lead_to_the_port_of_their_pods(overlay: Manifests) -> None:
    services = overlay.named("Service")
    assert set(services) == {"collector", "query-api"}
    for name, service in services.items():
        assert service["spec"]["selector"].items() <= overlay.templates()[name]["metadata"]["labels"].items()
        (port,) = overlay.container(name)["ports"]
        assert service["spec"]["ports"] == [
            {"name": "http", "port": port["containerPort"], "targetPort": port["name"]}
        ]


def test_several_pods_are_spread_and_never_all_taken_away(overlay: Manifests) -> None:
    several = set(SERVICES) - {"auditor"}
    budgets = overlay.named("PodDisruptionBudget")
    assert set(budgets) == several
    for name in several:
        labels = overlay.templates()[name]["metadata"]["labels"]
        spread = overlay.pods()[name]["topologySpreadConstraints"]
        keys = [each["topologyKey"] for each in spread]
        assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
        selectors = [each["labelSelector"]["matchLabels"] for each in spread]
        budget = budgets[name]["spec"]
        assert budget["maxUnavailable"] == 1
        for selector in (*selectors, budget["selector"]["matchLabels"]):
            assert selector.items() <= labels.items()
            others = [other for other in overlay.templates() if other != name]
            assert not any(
                selector.items() <= overlay.templates()[other]["metadata"]["labels"].items()
                for other in others
            )


def test_an_update_takes_no_pod_away_before_another_one_is_ready(overlay: Manifests) -> None:
    for name, deployment in overlay.named("Deployment").items():
        if name == "auditor":  # two of them would write the same ledger
            assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (
                1,
                {"type": "Recreate"},
            )
        else:
            assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_pods_have_the_time_that_their_orderly_end_takes(overlay: Manifests) -> None:
    changed = set(overlay.config) & {variable(kind, name) for kind in KINDS for name in kind.model_fields}
    assert not changed
    needed = longest(float(overlay.config["EVENTRAIL_DRAIN_SECONDS"]))
    assert set(needed) == set(SERVICES)
    for name, seconds in needed.items():
        assert overlay.pods()[name]["terminationGracePeriodSeconds"] >= seconds, name


def test_services_drain_by_themselves_and_need_no_hook(overlay: Manifests) -> None:
    """A hook's time would come before SIGTERM, and so before /readyz says no and answers close their connections."""
    assert 5 <= float(overlay.config["EVENTRAIL_DRAIN_SECONDS"]) <= 15
    assert all("lifecycle" not in overlay.container(name) for name in overlay.pods())


def figures(report: str, case: str) -> dict[str, float]:
    text = (CHECKOUT / f"benchmarks/results/{report}.json").read_text(encoding="utf-8")
    return {each["name"]: each["median"] for each in json.loads(text)["figures"] if each["case"] == case}


@pytest.mark.parametrize("name", SERVICES)
def test_memory_is_what_was_measured_and_room(overlay: Manifests, name: str) -> None:
    river = figures("load", "river")[f"memory of {name} meanwhile"]
    (hour,) = [
        size for what, size in figures("memory", "memory").items() if what.startswith(f"{name}, 60 minutes")
    ]
    resources = overlay.container(name)["resources"]
    assert memory(resources["requests"]["memory"]) >= 1.1 * max(river, hour) * UNITS["Mi"]
    assert memory(resources["limits"]["memory"]) >= 1.5 * memory(resources["requests"]["memory"])
    # A limit would hold back a process that has work, while processors stand idle.
    assert "cpu" not in resources["limits"]


def test_jobs_can_be_applied_again(overlay: Manifests) -> None:
    for job in overlay.of("Job"):
        hour = timedelta(hours=1).total_seconds()
        assert job["spec"]["ttlSecondsAfterFinished"] == hour
        assert job["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure"
