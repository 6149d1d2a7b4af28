"""uvicorn as the collector runs it: bounded, quiet, stopped by an event instead of a signal."""

import asyncio
import logging
import resource
import socket
from typing import Any, Final

import uvicorn

from collector.admission import Admission, bounds
from collector.metrics import Metrics
from collector.protocol import ShortWay, factory
from collector.settings import CollectorSettings
from eventrail import logs
from eventrail.health import EmbeddedServer

_log = logs.get(__name__)

_FILES_WANTED: Final = 65_536
_DRAIN_SECONDS: Final = 1.0


class _Server(EmbeddedServer):
    """An embedded uvicorn that ends without resets."""

    def __init__(self, config: uvicorn.Config, admission: Admission) -> None:
        super().__init__(config)
        self._admission = admission

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connections, answer what comes on the open ones with `connection: close`, then close them.

        A connection that is closed the moment the process ends may have its next request under way, which
        then meets a reset. Whoever sends at least once in a second is told instead.
        """
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        end = loop.time() + _DRAIN_SECONDS
        while self._admission.connections and loop.time() < end:  # noqa: ASYNC110 - a plain value
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)


def raise_open_files() -> int:
    """Raise the limit of open files as far as this process may, to what it can use; returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, _FILES_WANTED)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft if soft != resource.RLIM_INFINITY else _FILES_WANTED
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return soft
    return wanted


def make_admission(settings: CollectorSettings, metrics: Metrics) -> Admission:
    """The account of this process's connections, as large as its limit of open files allows."""
    files = raise_open_files()
    found = bounds(settings, files)
    if found.connections < settings.connections:
        _log.warning(
            "fewer connections than EVENTRAIL_COLLECTOR_CONNECTIONS are taken: raise the limit of open files",
            connections=found.connections,
            open_files=files,
        )
    return Admission(found, metrics)


async def serve(
    app: Any,
    settings: CollectorSettings,
    listening: socket.socket,
    stop: asyncio.Event,
    metrics: Metrics,
    drain_seconds: float = 0.0,
    short_way: ShortWay | None = None,
) -> None:
    """Serve `app` until `stop` is set and the running requests have ended (or `stop_timeout` passed).

    What `short_way` takes is handed to it and not to `app`, where it arrives in one piece.

    For `drain_seconds` after `stop` also new connections are taken; each answer asks for its connection to be closed.
    """
    # What a client sends wrong is answered and counted; it is no news of the service.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    admission = make_admission(settings, metrics)
    config = uvicorn.Config(
        app,
        http=factory(admission, settings, short_way),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=settings.stop_timeout,
    )
    server = _Server(config, admission)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    admission.draining = True
    await asyncio.wait([serving], timeout=drain_seconds)
    server.should_exit = True
    await serving
