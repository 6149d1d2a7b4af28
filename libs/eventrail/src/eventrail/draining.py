"""How a service that is one of several behind a load balancer ends without a broken request.

Between SIGTERM and the moment when the last balancer has heard of it lie seconds, in which new connections still come
(https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination). So the process first says that it
is not ready, and goes on answering for a while; each answer asks for the connection to be closed, so that whoever keeps
connections open makes the next one elsewhere.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Draining:
    """The time from the signal, which sets `stop`, until the doors close: `seconds`, 0 where nobody balances."""

    def __init__(self, stop: asyncio.Event, seconds: float) -> None:
        self._stop = stop
        self._seconds = seconds

    @property
    def began(self) -> bool:
        """Whether the signal has come."""
        return self._stop.is_set()

    async def over(self) -> None:
        """Wait for the signal, and then as long as connections may still come."""
        await self._stop.wait()
        await asyncio.sleep(self._seconds)

    def telling(self, app: ASGIApp) -> ASGIApp:
        """`app` whose answers carry `connection: close` once the signal has come."""

        async def told(scope: Scope, receive: Receive, send: Send) -> None:
            async def closing(message: Message) -> None:
                if self.began and message["type"] == "http.response.start":
                    message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
                await send(message)

            await app(scope, receive, closing)

        return told
