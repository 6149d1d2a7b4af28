"""The command: render, start a control plane, apply, wait for the pods, tell, and end everything.

Each object is shown with what became of it. What counts as refused: an error, a warning, pods that do not come, a
budget that finds no pods, a scaler without a target.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx

from devstack import kustomize, schemas
from devstack.errors import BadOption, GoToolsError, StartFailed
from devstack.kubernetes import overlays, programs, stand_ins, workloads
from devstack.kubernetes.admission import Fault, Manifest, Verdict, name_of, namespace_of
from devstack.kubernetes.api import KubeApi, connect
from devstack.kubernetes.control_plane import control_plane
from devstack.kubernetes.overlays import Overlay
from devstack.kubernetes.programs import VERSION, Programs
from devstack.process import until_ready
from devstack.terminal import say
from devstack.up import INTERRUPTED, STOP_SIGNALS

WORKLOADS_LIMIT_S: Final = 60.0


def run(folders: Sequence[Path]) -> int:
    """Check `folders`, or our own overlays and components where there are none; blocks until it is over.

    Returns 0 when everything was taken, 1 when something was not, 130 when it was told to stop. Builds at first, which
    takes many minutes. Raises BadOption, GoToolsError, SchemasError or JarsError where something could not be had, and
    StartFailed where a program of the control plane does not run.
    """
    checked = _rendered(folders)
    definitions = [*_definitions(schemas.ensure(say)), *stand_ins.open_kinds()]
    binaries = programs.ensure(say)
    with tempfile.TemporaryDirectory(prefix="eventrail-k8s-check-") as work:
        return asyncio.run(_until_told(binaries, Path(work), definitions, checked))


def _rendered(folders: Sequence[Path]) -> Sequence[Overlay]:
    for folder in folders:
        if not folder.is_dir():
            raise BadOption(f"{folder} is no folder; give one with a kustomization.yaml")
    if why := kustomize.missing():
        raise GoToolsError(why)
    program = kustomize.ensure(say)
    theirs = [overlays.rendered(str(folder), folder.resolve(), program) for folder in folders]
    return theirs or list(overlays.own(program))


def _definitions(folder: Path) -> Iterator[Manifest]:
    for path in sorted(folder.glob("*.yaml")):
        yield from overlays.documents(path.read_text(encoding="utf-8"))


async def _until_told(
    binaries: Programs, work: Path, definitions: Sequence[Manifest], checked: Sequence[Overlay]
) -> int:
    checking = asyncio.create_task(_check(binaries, work, definitions, checked))
    with _stopping(checking):
        try:
            return await checking
        except asyncio.CancelledError:
            return INTERRUPTED
        except httpx.HTTPError as error:
            raise StartFailed(f"the API server does not answer any more: {error}") from error


@contextmanager
def _stopping(task: asyncio.Task[int]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


async def _check(
    binaries: Programs, work: Path, definitions: Sequence[Manifest], checked: Sequence[Overlay]
) -> int:
    async with control_plane(binaries, work, say) as access, connect(access) as client:
        api = KubeApi(client)
        await _prepare(api, definitions)
        verdicts = [verdict for overlay in checked for verdict in await check_overlay(api, overlay)]
    refused = sum(not verdict.taken for verdict in verdicts)
    say(f"\n{len(verdicts) - refused} taken and {refused} refused by Kubernetes {VERSION}")
    return 1 if refused else 0


async def _prepare(api: KubeApi, definitions: Sequence[Manifest]) -> None:
    say("  ... kinds of the operators, nodes and disks")
    for manifest in (*definitions, *stand_ins.cluster()):
        verdict = await api.apply(manifest)
        if verdict.faults:
            raise StartFailed(f"{verdict.name} was refused: {'; '.join(map(str, verdict.faults))}")

    async def question() -> str:
        unknown = [name_of(each) for each in definitions if not await _served(api, each)]
        return f"not served: {', '.join(unknown)}" if unknown else ""

    try:
        await until_ready(question, WORKLOADS_LIMIT_S)
    except TimeoutError as last:
        raise StartFailed(str(last)) from None


async def _served(api: KubeApi, definition: Manifest) -> bool:
    spec = definition["spec"]
    versions = [f"{spec['group']}/{each['name']}" for each in spec["versions"] if each["served"]]
    return all([await api.knows(version, spec["names"]["kind"]) for version in versions])


async def check_overlay(api: KubeApi, overlay: Overlay) -> list[Verdict]:
    """Apply everything and wait for what comes of it; says each verdict as it falls."""
    say(f"\n{overlay.name}: {len(overlay.manifests)} objects")
    verdicts = [_told(await api.apply(manifest)) for manifest in overlay.manifests]
    if all(verdict.taken for verdict in verdicts):
        verdicts += [_told(verdict) for verdict in await _consequences(api, overlay)]
    return verdicts


async def _consequences(api: KubeApi, overlay: Overlay) -> list[Verdict]:
    targets = [verdict for each in overlay.manifests if (verdict := await _target(api, each))]
    pods = [await _came(api, namespace) for namespace in overlay.namespaces]
    inside = [
        await _inside(api, each, made) for each in overlay.manifests for made in stand_ins.insides(each)
    ]
    return [*targets, *pods, *inside]


async def _inside(api: KubeApi, outer: Manifest, manifest: Manifest) -> Verdict:
    verdict = await api.try_create(manifest)
    return replace(verdict, name=f"{verdict.name} of {name_of(outer)}")


async def _target(api: KubeApi, manifest: Manifest) -> Verdict | None:
    if not (target := workloads.scale_target(manifest)):
        return None
    api_version, kind, name = target
    there = await api.can_scale(api_version, kind, namespace_of(manifest), name)
    faults = () if there else (Fault("spec.scaleTargetRef", f"there is no {kind} {name} that can be scaled"),)
    return Verdict(f"{name_of(manifest)}, which scales {kind} {name}", faults)


async def _came(api: KubeApi, namespace: str) -> Verdict:
    async def question() -> str:
        objects = [each for kind in workloads.KINDS for each in await api.objects(*kind, namespace)]
        return "; ".join(filter(None, map(workloads.waiting, objects)))

    try:
        await until_ready(question, WORKLOADS_LIMIT_S)
    except TimeoutError as last:
        complaints = workloads.complaints(await api.objects("v1", "Event", namespace))
        return Verdict(f"pods in {namespace}", tuple(Fault("", text) for text in (str(last), *complaints)))
    pods = await api.objects("v1", "Pod", namespace)
    return Verdict(f"{len(pods)} pods in {namespace}, scheduled and ready or done")


def _told(verdict: Verdict) -> Verdict:
    say(f"  {'taken  ' if verdict.taken else 'REFUSED'}  {verdict.name}")
    for text in (*map(str, verdict.faults), *(f"warning: {text}" for text in verdict.warnings)):
        say(f"           {text}")
    return verdict
