from pathlib import Path
from typing import Any

import pytest

from devstack.kubernetes.admission import Fault
from devstack.kubernetes.api import KubeApi, https_ready
from tests.devstack.kubernetes.server import Server


def manifest(kind: str, name: str, namespace: str = "shop", version: str = "apps/v1") -> dict[str, Any]:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {},
    }


async def test_an_object_goes_to_the_place_of_its_kind_and_unknown_fields_are_asked_to_be_refused() -> None:
    server = Server()
    async with server.client() as client:
        assert (await KubeApi(client).apply(manifest("Deployment", "writer"))).taken
    request = server.seen[-1]
    assert request.url.path == "/apis/apps/v1/namespaces/shop/deployments/writer"
    assert request.url.params["fieldValidation"] == "Strict"
    assert request.headers["Content-Type"] == "application/apply-patch+yaml"


async def test_a_thing_of_the_cluster_has_no_namespace_in_its_place() -> None:
    server = Server()
    async with server.client() as client:
        await KubeApi(client).apply(manifest("Namespace", "shop", version="v1"))
    assert list(server.stored) == ["/api/v1/namespaces/shop"]


async def test_refusals_and_warnings_are_told() -> None:
    server = Server()
    server.refused, server.warned = {"writer"}, {"old"}
    async with server.client() as client:
        api = KubeApi(client)
        assert (await api.apply(manifest("Deployment", "writer"))).faults == (
            Fault("spec.replicas", "must not be negative"),
        )
        assert (await api.apply(manifest("Deployment", "old"))).warnings == ("it is old",)


async def test_a_kind_that_nobody_serves_is_refused_until_somebody_does() -> None:
    server = Server()
    async with server.client() as client:
        api = KubeApi(client)
        strange = manifest("ScaledObject", "writer", version="keda.sh/v1alpha1")
        verdict = await api.apply(strange)
        assert [fault.message for fault in verdict.faults] == [
            "the server knows no kind ScaledObject of keda.sh/v1alpha1"
        ]
        assert not await api.knows("keda.sh/v1alpha1", "ScaledObject")
        server.kinds["/apis/keda.sh/v1alpha1"] = {"ScaledObject": True}
        assert (await api.apply(strange)).taken
        assert await api.knows("keda.sh/v1alpha1", "ScaledObject")


async def test_a_trial_leaves_nothing() -> None:
    server = Server()
    async with server.client() as client:
        assert (await KubeApi(client).try_create(manifest("Pod", "server", version="v1"))).taken
    assert server.seen[-1].url.params["dryRun"] == "All"
    assert server.stored == {}


async def test_objects_and_scales_are_asked_for_by_kind() -> None:
    server = Server()
    async with server.client() as client:
        api = KubeApi(client)
        await api.apply(manifest("Deployment", "writer"))
        (found,) = await api.objects("apps/v1", "Deployment", "shop")
        assert found["metadata"]["name"] == "writer"
        assert await api.objects("apps/v1", "Deployment", "other") == []
        assert await api.can_scale("apps/v1", "Deployment", "shop", "writer")
        assert not await api.can_scale("apps/v1", "Deployment", "shop", "wirter")


@pytest.mark.parametrize("text", [None, "half a certificate"])
async def test_a_server_without_its_certificate_yet_is_not_ready(tmp_path: Path, text: str | None) -> None:
    certificate = tmp_path / "server.crt"
    if text:
        certificate.write_text(text)
    assert "no answer from https://127.0.0.1:1/" in await https_ready("https://127.0.0.1:1/", certificate)()
