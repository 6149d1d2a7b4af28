"""A bare ASGI app that reads the body and answers 202: `python -m benchmarks.baselines.bare_asgi HOST:PORT`.

Plain uvicorn with uvloop and httptools, as the collector has them, without its limits.
"""

import sys
from typing import Any

import uvicorn

ANSWER = {"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"2")]}
BODY = {"type": "http.response.body", "body": b"{}"}
READY = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """202 for all, 200 for what asks whether it is ready."""
    if scope["type"] != "http":
        return
    more = True
    body = b""
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send(READY if scope["path"] == "/readyz" else ANSWER)
    await send(BODY)


def main(listen: str) -> None:
    host, _, port = listen.rpartition(":")
    uvicorn.run(
        app,
        host=host,
        port=int(port),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="error",
    )


if __name__ == "__main__":
    main(sys.argv[1])
