"""`POST /api/collect` and `POST /e`: a plain ASGI endpoint, the hot way of every event."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from msgspec import UNSET
from starlette.types import Receive, Scope, Send

from collector import limits
from collector.client_address import peer_address
from collector.intake import Client, Intake, Taken
from collector.metrics import Metrics
from collector.receipts import Receipt, Rejection, encode, nothing_accepted, rejection, whole
from collector.refusals import KINDS, Refused
from collector.settings import CollectorSettings
from collector.sinks import Published, Sink
from eventrail import logs
from eventrail.clock import Clock

_log = logs.get(__name__)

PATHS: Final = ("/api/collect", "/e")
_ACCEPTED: Final = 202
_TOLD: Final = frozenset((b"content-type", b"content-length", b"content-encoding"))


class Answer(NamedTuple):
    """Status and JSON body."""

    status: int
    body: bytes


class Collect:
    """Takes a request, publishes its events, and answers when each of them has its fate."""

    def __init__(
        self, intake: Intake, sink: Sink, clock: Clock, metrics: Metrics, settings: CollectorSettings
    ) -> None:
        self._intake = intake
        self._sink = sink
        self._clock = clock
        self._metrics = metrics
        self._settings = settings
        self._in_flight = 0
        self._retry_after = str(settings.retry_after).encode()
        metrics.requests_in_flight.set_function(lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI endpoint; what fails unexpectedly is logged and answered 500."""
        self._in_flight += 1
        try:
            answer = await self._answer(scope, receive)
        except limits.ClientGone:
            return
        except Exception:
            _log.exception("a request failed")
            answer = self._refusal(Refused("internal", "the collector failed on this request; it was logged"))
        finally:
            self._in_flight -= 1
        self._metrics.requests.labels(answer.status).inc()
        await send({"type": "http.response.start", "status": answer.status, "headers": self._headers(answer)})
        await send({"type": "http.response.body", "body": answer.body})

    def _headers(self, answer: Answer) -> list[tuple[bytes, bytes]]:
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(answer.body)).encode()),
        ]
        if answer.status == KINDS["unavailable"].status:
            headers.append((b"retry-after", self._retry_after))
        return headers

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        try:
            body = await self._body(scope, receive)
            taken = self._intake.take(body, _client(scope), self._clock.now_ms())
        except Refused as refused:
            return self._refusal(refused)
        return self._receipt(taken, await self._publish(taken))

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        if self._in_flight > self._settings.requests_in_flight:
            raise Refused("unavailable", "too many requests at once; try again later")
        told = {name: value for name, value in scope["headers"] if name in _TOLD}
        limits.check_media_type(told.get(b"content-type", b""), told.get(b"content-encoding", b""))
        limits.check_declared(told.get(b"content-length", b""))
        return await limits.read_body(receive, self._settings.body_timeout)

    async def _publish(self, taken: Taken) -> Published:
        if not taken.events:
            return Published()
        began = self._clock.monotonic()
        published = await self._sink.publish(taken.events)
        self._metrics.publish_seconds.observe(self._clock.monotonic() - began)
        return published

    def _refusal(self, refused: Refused) -> Answer:
        self._metrics.refused.labels(refused.kind.code).inc()
        return Answer(refused.kind.status, whole(refused))

    def _receipt(self, taken: Taken, published: Published) -> Answer:
        accepted = taken.event_ids
        if published.failures:
            accepted = [taken.event_ids[n] for n in range(len(taken.events)) if n not in published.failures]
            taken.rejected.extend(_unavailable(taken, published))
            taken.rejected.sort(key=lambda entry: entry.index)
        for entry in taken.rejected:
            self._metrics.refused.labels(entry.code).inc()
        if not accepted:
            kind, body = nothing_accepted(taken.rejected, taken.event_ids, taken.ignored)
            return Answer(kind.status, body)
        self._metrics.accepted.inc(len(accepted))
        return Answer(_ACCEPTED, _accepted(taken, accepted))


def _accepted(taken: Taken, event_ids: list[str]) -> bytes:
    receipt = Receipt(
        ok=True,
        accepted=len(event_ids),
        event_ids=event_ids,
        rejected=taken.rejected,
        ignored_fields=taken.ignored or UNSET,
        adjusted=taken.adjusted or UNSET,
    )
    return encode(receipt)


def _unavailable(taken: Taken, published: Published) -> Iterable[Rejection]:
    for place, reason in published.failures.items():
        index = taken.indexes[place]
        refused = Refused("unavailable", f"{reason}; send it again with this event_id")
        entry = rejection(index, refused, taken.place(index))
        entry.event_id = taken.event_ids[place]
        yield entry


def _client(scope: Scope) -> Client:
    peer: Any = scope.get("client")
    agents = (value for name, value in scope["headers"] if name == b"user-agent")
    return Client(peer_address(peer[0] if peer else None), limits.user_agent(agents))
