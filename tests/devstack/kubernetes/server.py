"""An API server in miniature: it serves some kinds, keeps what it takes, and refuses a name it is told to."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx

KINDS = {
    "/api/v1": {"Namespace": False, "ConfigMap": True, "Pod": True, "Event": True},
    "/apis/apps/v1": {"Deployment": True, "StatefulSet": True},
    "/apis/batch/v1": {"Job": True},
    "/apis/policy/v1": {"PodDisruptionBudget": True},
}
"""Whether they are in namespaces, by group and kind."""

REFUSAL = {
    "kind": "Status",
    "message": "is invalid",
    "details": {"causes": [{"field": "spec.replicas", "message": "must not be negative"}]},
}


class Server:
    """Its `transport` answers; `stored` are objects by path and `seen` all requests."""

    def __init__(self) -> None:
        self.kinds = {group: dict(kinds) for group, kinds in KINDS.items()}
        self.stored: dict[str, dict[str, Any]] = {}
        self.seen: list[httpx.Request] = []
        self.refused: set[str] = set()
        self.warned: set[str] = set()
        self.statuses: dict[str, dict[str, Any]] = {}
        """What controllers make of objects, by kind."""
        self.on_request: Callable[[httpx.Request], None] = lambda _: None

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url="https://server", transport=self.transport)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        self.on_request(request)
        path = request.url.path
        if path in self.kinds:
            return httpx.Response(200, json={"resources": self._resources(path)})
        if request.method == "PATCH":
            return self._apply(path, json.loads(request.content))
        if request.method == "POST":
            made = json.loads(request.content)
            return self._judge(made) or httpx.Response(201, json=made)
        if path.endswith("/scale"):
            return httpx.Response(200 if path.removesuffix("/scale") in self.stored else 404, json={})
        if path.startswith(tuple(self.kinds)):
            return httpx.Response(200, json={"items": list(self._listed(path))})
        return httpx.Response(404, json={"message": "the server could not find the requested resource"})

    def _resources(self, group: str) -> list[dict[str, Any]]:
        served = [
            {"kind": kind, "name": f"{kind.lower()}s", "namespaced": inside}
            for kind, inside in self.kinds[group].items()
        ]
        return [*served, {"kind": "Scale", "name": "deployments/scale", "namespaced": True}]

    def _listed(self, path: str) -> Iterator[dict[str, Any]]:
        for at, manifest in self.stored.items():
            if at.startswith(f"{path}/"):
                yield {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind")}

    def _apply(self, path: str, manifest: dict[str, Any]) -> httpx.Response:
        if refusal := self._judge(manifest):
            return refusal
        self.stored[path] = {**manifest, "status": self.statuses.get(manifest["kind"], {})}
        warnings = [("Warning", '299 - "it is old"')] if manifest["metadata"]["name"] in self.warned else []
        return httpx.Response(200, json=manifest, headers=warnings)

    def _judge(self, manifest: dict[str, Any]) -> httpx.Response | None:
        name = manifest["metadata"]["name"]
        return httpx.Response(422, json=REFUSAL) if name in self.refused else None
