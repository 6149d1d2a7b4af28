"""What has become of objects that were taken: whether pods came, and whether budgets and scalers find them. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from devstack.kubernetes.admission import Manifest, name_of

_NO_FAULT_OF_OURS: Final = ("HorizontalPodAutoscaler",)
"""Kinds whose controllers complain because nothing measures the pods here."""


def waiting(manifest: Manifest) -> str:
    """What is still to come of an object as the server has it now, or ""."""
    seen = manifest.get("status", {})
    if manifest["kind"] not in _KINDS or not (why := _KINDS[manifest["kind"]](manifest["spec"], seen)):
        return ""
    return f"{name_of(manifest)}: {'; '.join([why, *_reasons(seen)])}"


KINDS: Final = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "Job"),
    ("policy/v1", "PodDisruptionBudget"),
)
"""What `waiting` has something to say of."""


def _replicas(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    ready, wanted = status.get("readyReplicas", 0), spec.get("replicas", 1)
    return "" if ready == wanted else f"{ready} of {wanted} pods are ready"


def _job(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    done, wanted = status.get("succeeded", 0), spec.get("completions", 1)
    return "" if done >= wanted else f"{done} of {wanted} pods have ended well"


def _budget(_spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    if not status.get("expectedPods"):
        return "it finds no pods"
    return "" if status.get("disruptionsAllowed") else "it allows no pod to go"


_KINDS: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], str]]] = {
    "Deployment": _replicas,
    "StatefulSet": _replicas,
    "Job": _job,
    "PodDisruptionBudget": _budget,
}


def _reasons(status: Mapping[str, Any]) -> list[str]:
    failing = (each for each in status.get("conditions", []) if each["type"] == "ReplicaFailure")
    return [each["message"] for each in failing]


def complaints(events: Iterable[Manifest]) -> list[str]:
    """What controllers and the scheduler complain about, each once."""
    found = {
        f"{event['involvedObject']['kind']} {event['involvedObject']['name']}: {event['message']}": None
        for event in events
        if event["type"] == "Warning" and event["involvedObject"]["kind"] not in _NO_FAULT_OF_OURS
    }
    return list(found)


def scale_target(manifest: Manifest) -> tuple[str, str, str] | None:
    """What a scaler scales, as `apiVersion`, kind and name; None for anything else."""
    target = manifest.get("spec", {}).get("scaleTargetRef")
    if not target:
        return None
    # KEDA takes them for those of a Deployment where they are not given.
    return target.get("apiVersion", "apps/v1"), target.get("kind", "Deployment"), target["name"]
