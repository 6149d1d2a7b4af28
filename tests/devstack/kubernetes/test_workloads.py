from typing import Any

import pytest

from devstack.kubernetes.workloads import KINDS, complaints, scale_target, waiting


def thing(kind: str, spec: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "writer"}, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("kind", "spec", "come", "missing", "told"),
    [
        ("Deployment", {"replicas": 2}, {"readyReplicas": 2}, {"readyReplicas": 1}, "1 of 2 pods are ready"),
        ("Deployment", {"replicas": 2}, {"readyReplicas": 2}, {}, "0 of 2 pods are ready"),
        ("StatefulSet", {}, {"readyReplicas": 1}, {}, "0 of 1 pods are ready"),
        ("Job", {}, {"succeeded": 1}, {"failed": 1}, "0 of 1 pods have ended well"),
        (
            "PodDisruptionBudget",
            {},
            {"expectedPods": 2, "disruptionsAllowed": 1},
            {"expectedPods": 0},
            "it finds no pods",
        ),
        (
            "PodDisruptionBudget",
            {},
            {"expectedPods": 1, "disruptionsAllowed": 1},
            {"expectedPods": 1, "disruptionsAllowed": 0},
            "it allows no pod to go",
        ),
    ],
)
def test_what_is_still_to_come_is_told(
    kind: str, spec: dict[str, Any], come: dict[str, Any], missing: dict[str, Any], told: str
) -> None:
    assert kind in {each for _version, each in KINDS}
    assert waiting(thing(kind, spec, come)) == ""
    assert waiting(thing(kind, spec, missing)) == f"{kind} writer: {told}"
    assert waiting({**thing(kind, spec, {}), "status": {}})


def test_why_pods_do_not_come_is_told() -> None:
    conditions = [
        {"type": "Progressing", "status": "True", "message": "created"},
        {"type": "ReplicaFailure", "status": "True", "message": "violates PodSecurity"},
    ]
    told = waiting(thing("Deployment", {}, {"conditions": conditions}))
    assert told == "Deployment writer: 0 of 1 pods are ready; violates PodSecurity"


def test_a_thing_without_pods_waits_for_nothing() -> None:
    assert waiting({"kind": "ConfigMap", "metadata": {"name": "settings"}}) == ""


def test_complaints_are_told_once_and_only_those_that_are_ours() -> None:
    def event(type_: str, kind: str) -> dict[str, Any]:
        return {"type": type_, "involvedObject": {"kind": kind, "name": "writer"}, "message": "no room"}

    events = [
        event("Warning", "Pod"),
        event("Warning", "Pod"),
        event("Normal", "Job"),
        event("Warning", "HorizontalPodAutoscaler"),
    ]
    assert complaints(events) == ["Pod writer: no room"]


def test_both_kinds_of_scalers_name_their_target() -> None:
    full = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "collector"}
    assert scale_target({"spec": {"scaleTargetRef": full}}) == ("apps/v1", "StatefulSet", "collector")
    assert scale_target({"spec": {"scaleTargetRef": {"name": "writer"}}}) == (
        "apps/v1",
        "Deployment",
        "writer",
    )
    assert scale_target({"spec": {}}) is None
    assert scale_target({"data": {}}) is None
