"""What the command says and returns, with an API server in miniature and a control plane that does not run."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.errors import GoToolsError
from devstack.kubernetes import check, stand_ins
from devstack.kubernetes.admission import Verdict
from devstack.kubernetes.api import KubeApi
from devstack.kubernetes.overlays import Overlay
from devstack.up import INTERRUPTED, STOP_SIGNALS
from tests.devstack.kubernetes.server import Server


def manifest(kind: str, name: str, version: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


WRITER = manifest("Deployment", "writer", "apps/v1", replicas=1)
BUDGET = manifest("PodDisruptionBudget", "writer", "policy/v1")
CAME = {
    "Deployment": {"readyReplicas": 1},
    "PodDisruptionBudget": {"expectedPods": 1, "disruptionsAllowed": 1},
}


def scaler(target: str) -> dict[str, Any]:
    return manifest("ScaledObject", "writer", "keda.sh/v1alpha1", scaleTargetRef={"name": target})


@pytest.fixture
def server() -> Server:
    made = Server()
    made.kinds["/apis/keda.sh/v1alpha1"] = {"ScaledObject": True}
    made.kinds["/apis/clickhouse.altinity.com/v1"] = {"ClickHouseInstallation": True}
    made.statuses = CAME
    return made


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "WORKLOADS_LIMIT_S", 0.3)


async def verdicts(server: Server, *manifests: dict[str, Any]) -> list[Verdict]:
    async with server.client() as client:
        return await check.check_overlay(KubeApi(client), Overlay("shop", manifests))


async def test_what_was_taken_and_what_came_of_it_is_told(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    found = await verdicts(server, WRITER, BUDGET, scaler("writer"))
    assert all(verdict.taken for verdict in found)
    assert capsys.readouterr().out.splitlines() == [
        "",
        "shop: 3 objects",
        "  taken    Deployment writer",
        "  taken    PodDisruptionBudget writer",
        "  taken    ScaledObject writer",
        "  taken    ScaledObject writer, which scales Deployment writer",
        "  taken    0 pods in shop, scheduled and ready or done",
    ]


async def test_a_refused_object_is_told_with_field_and_message_and_nothing_is_waited_for(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.refused, server.warned = {"writer"}, {"settings"}
    found = await verdicts(
        server, WRITER, manifest("ConfigMap", "settings", "v1"), manifest("ConfigMap", "websites", "v1")
    )
    assert [verdict.taken for verdict in found] == [False, False, True]
    assert capsys.readouterr().out.splitlines()[2:] == [
        "  REFUSED  Deployment writer",
        "           spec.replicas: must not be negative",
        "  REFUSED  ConfigMap settings",
        "           warning: it is old",
        "  taken    ConfigMap websites",
    ]


async def test_pods_that_do_not_come_are_a_refusal_with_what_was_complained_about(server: Server) -> None:
    server.statuses = {"PodDisruptionBudget": CAME["PodDisruptionBudget"]}
    server.stored["/api/v1/namespaces/shop/events/one"] = {
        "type": "Warning",
        "involvedObject": {"kind": "ReplicaSet", "name": "writer-1"},
        "message": "violates PodSecurity",
    }
    *_, came = await verdicts(server, WRITER, BUDGET)
    assert list(map(str, came.faults)) == [
        "Deployment writer: 0 of 1 pods are ready",
        "ReplicaSet writer-1: violates PodSecurity",
    ]


async def test_a_budget_without_pods_and_a_scaler_without_a_target_are_refusals(server: Server) -> None:
    server.statuses = {"Deployment": CAME["Deployment"], "PodDisruptionBudget": {"expectedPods": 0}}
    *_, target, came = await verdicts(server, WRITER, BUDGET, scaler("wirter"))
    assert [fault.field for fault in target.faults] == ["spec.scaleTargetRef"]
    assert "PodDisruptionBudget writer: it finds no pods" in str(came.faults[0])


async def test_pods_of_an_installation_without_a_schema_are_tried(server: Server) -> None:
    templates = {"podTemplates": [{"name": "server", "spec": {}}]}
    installation = manifest(
        "ClickHouseInstallation", "events", "clickhouse.altinity.com/v1", templates=templates
    )
    *_, pod = await verdicts(server, installation)
    assert pod == Verdict("Pod server of ClickHouseInstallation events")
    server.refused = {"server"}
    *_, pod = await verdicts(server, installation)
    assert not pod.taken


@pytest.fixture
def without_control_plane(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The list fills with what became of the control plane."""
    happened: list[str] = []

    @asynccontextmanager
    async def control_plane(*_: object) -> AsyncIterator[None]:
        happened.append("started")
        try:
            yield
        finally:
            happened.append("ended")

    @asynccontextmanager
    async def connect(_: object) -> AsyncIterator[httpx.AsyncClient]:
        async with server.client() as client:
            yield client

    monkeypatch.setattr(check, "control_plane", control_plane)
    monkeypatch.setattr(check, "connect", connect)
    monkeypatch.setattr(stand_ins, "cluster", lambda: iter(()))
    return happened


async def test_the_status_says_whether_everything_was_taken(
    server: Server,
    without_control_plane: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    overlays = [Overlay("shop", [WRITER, BUDGET])]
    assert await check._until_told({}, tmp_path, [], overlays) == 0
    assert "\n3 taken and 0 refused by Kubernetes v" in capsys.readouterr().out
    server.refused = {"writer"}
    assert await check._until_told({}, tmp_path, [], overlays) == 1
    assert "\n0 taken and 2 refused" in capsys.readouterr().out
    assert without_control_plane == ["started", "ended"] * 2


@pytest.mark.parametrize("number", STOP_SIGNALS)
async def test_a_signal_ends_what_was_started(
    server: Server, without_control_plane: list[str], tmp_path: Path, number: signal.Signals
) -> None:
    def pressed(_: httpx.Request) -> None:
        os.kill(os.getpid(), number)

    server.on_request = pressed
    server.statuses = {}
    assert await check._until_told({}, tmp_path, [], [Overlay("shop", [WRITER])]) == INTERRUPTED
    assert without_control_plane == ["started", "ended"]


def test_without_go_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GoToolsError, match="Debian's package is golang-go"):
        check.run([])
