"""Objects of an API server over HTTP: apply, try, list.

No package for Kubernetes is used, because the answers themselves are wanted: the status with its causes, and the
warnings in the headers beside it (docs/adr/0037-a-real-api-server.md).
"""

import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx

from devstack.kubernetes.access import Access
from devstack.kubernetes.admission import Manifest, Verdict, judge, namespace_of
from devstack.readiness import PATIENCE_S, Question

MANAGER: Final = "eventrail-check"
_APPLY: Final = {"fieldManager": MANAGER, "fieldValidation": "Strict", "force": "true"}
_APPLY_TYPE: Final = {"Content-Type": "application/apply-patch+yaml"}
_TIMEOUT_S: Final = 30.0


class KubeApi:
    """One API server. Methods raise httpx.HTTPError where it does not answer."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._resources: dict[str, dict[str, Mapping[str, Any]]] = {}

    async def apply(self, manifest: Manifest) -> Verdict:
        """Server-side apply, in which fields that nobody knows are refused. It stays what it was when refused."""
        path = await self._path(manifest["apiVersion"], manifest["kind"], namespace_of(manifest))
        if path is None:
            message = f"the server knows no kind {manifest['kind']} of {manifest['apiVersion']}"
            return judge(manifest, httpx.codes.NOT_FOUND, {"message": message}, ())
        # JSON is YAML.
        answer = await self._client.patch(
            f"{path}/{manifest['metadata']['name']}",
            params=_APPLY,
            headers=_APPLY_TYPE,
            content=json.dumps(manifest),
        )
        return _verdict(manifest, answer)

    async def try_create(self, manifest: Manifest) -> Verdict:
        """What would become of the object if it were created; nothing is."""
        path = await self._path(manifest["apiVersion"], manifest["kind"], namespace_of(manifest))
        answer = await self._client.post(
            str(path), params={"dryRun": "All", "fieldValidation": "Strict"}, json=manifest
        )
        return _verdict(manifest, answer)

    async def objects(self, api_version: str, kind: str, namespace: str) -> list[Manifest]:
        """All objects of a kind in a namespace, as they are now."""
        answer = await self._client.get(str(await self._path(api_version, kind, namespace)))
        answer.raise_for_status()
        # The objects of a list do not say of which kind they are.
        return [{"apiVersion": api_version, "kind": kind, **item} for item in answer.json()["items"]]

    async def can_scale(self, api_version: str, kind: str, namespace: str, name: str) -> bool:
        """Whether the thing is there and has replicas that a scaler may set."""
        path = await self._path(api_version, kind, namespace)
        return (await self._client.get(f"{path}/{name}/scale")).is_success

    async def knows(self, api_version: str, kind: str) -> bool:
        """Whether objects of that kind are served by now."""
        return await self._path(api_version, kind) is not None

    async def _path(self, api_version: str, kind: str, namespace: str = "") -> str | None:
        group = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        known = self._resources.get(group, {})
        if kind not in known:
            # Not known yet: it may have come since.
            known = self._resources[group] = await self._ask_resources(group)
        if kind not in known:
            return None
        resource = known[kind]
        inside = f"/namespaces/{namespace}" if resource["namespaced"] else ""
        return f"{group}{inside}/{resource['name']}"

    async def _ask_resources(self, group: str) -> dict[str, Mapping[str, Any]]:
        answer = await self._client.get(group)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return {}
        answer.raise_for_status()
        return {each["kind"]: each for each in answer.json()["resources"] if "/" not in each["name"]}


def _verdict(manifest: Manifest, answer: httpx.Response) -> Verdict:
    return judge(manifest, answer.status_code, answer.json(), answer.headers.get_list("Warning"))


def connect(access: Access) -> httpx.AsyncClient:
    """A client with the token of `access`, once the server has made its certificate; close it."""
    return httpx.AsyncClient(
        base_url=access.url,
        headers={"Authorization": f"Bearer {access.token}"},
        verify=_trusting(access.certificate),
        timeout=_TIMEOUT_S,
        trust_env=False,
    )


def https_ready(url: str, certificate: Path, token: str = "") -> Question:
    """Ask `GET url` of a server that makes its certificate when it starts: yes is status 200."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def ask() -> str:
        try:
            async with httpx.AsyncClient(
                verify=_trusting(certificate), timeout=PATIENCE_S, trust_env=False
            ) as client:
                answer = await client.get(url, headers=headers)
        except (httpx.HTTPError, OSError) as error:
            return f"no answer from {url} ({type(error).__name__})"
        return "" if answer.status_code == httpx.codes.OK else _why_not(answer.text)

    return ask


def _why_not(text: str) -> str:
    """The first check that failed, as Kubernetes' servers list them."""
    return next((line for line in text.splitlines() if line.startswith("[-]")), "it is not ready")


def _trusting(certificate: Path) -> ssl.SSLContext:
    """Raises OSError where the file is not there or not whole yet."""
    context = ssl.create_default_context(cafile=str(certificate))
    # Go's own certificates lack an extension that Python asks for since 3.13.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
