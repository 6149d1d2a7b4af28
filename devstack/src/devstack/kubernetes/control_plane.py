"""Runs a control plane on loopback for as long as a block lasts, with nodes and disks that are played."""

import os
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from devstack.kubernetes import access, programs
from devstack.kubernetes.access import Access
from devstack.kubernetes.api import https_ready
from devstack.kubernetes.programs import Programs
from devstack.ports import Address, free_row
from devstack.process import Program
from devstack.readiness import Question, http_ready
from devstack.single import running

_PORTS: Final = 6

Progress = Callable[[str], None]


@asynccontextmanager
async def control_plane(binaries: Programs, work: Path, progress: Progress) -> AsyncIterator[Access]:
    """The way to a server that is ready; everything stores and logs in `work`, and ends with the block.

    Raises StartFailed with the end of its log where a program dies or is not ready in two minutes.
    """
    ports = free_row(random.Random(), _PORTS)  # noqa: S311 - ports are no secret
    way = access.make(work, ports[0])
    environment = {**os.environ, "HOME": str(work)}
    async with AsyncExitStack() as stack:
        for program in plan(binaries, way, ports):
            progress(f"  ... {program.name}")
            await stack.enter_async_context(running(program, work / f"{program.name}.log", environment))
        yield way


def plan(binaries: Programs, way: Access, ports: Sequence[Address]) -> Sequence[Program]:
    """The programs in the order of their start; the API server is at the first of the ports."""
    server, etcd, peers, controllers, scheduler, kwok = ports

    def program(name: str, arguments: Sequence[str], at: Address, question: Question) -> Program:
        return Program(name, (str(binaries[name]), *arguments), at, question)

    def serving(name: str, arguments: Sequence[str], at: Address) -> Program:
        folder = way.folder / name
        ready = https_ready(f"https://{at}/healthz", folder / f"{name}.crt")
        return program(name, (*arguments, f"--cert-dir={folder}"), at, ready)

    answering = https_ready(f"{way.url}/readyz", way.certificate, way.token)
    return (
        program("etcd", programs.etcd(way.folder / "etcd", etcd, peers), etcd, http_ready(etcd.url)),
        program("kube-apiserver", programs.apiserver(way, etcd, server), server, answering),
        serving("kube-controller-manager", programs.controllers(way, controllers), controllers),
        serving("kube-scheduler", programs.scheduler(way, scheduler), scheduler),
        program("kwok", programs.kwok(way, kwok), kwok, http_ready(kwok.url)),
    )
