"""`POST /api/collect` and `POST /e`: a plain ASGI endpoint, the hot way of every event."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from msgspec import UNSET
from starlette.types import Receive, Scope, Send

from collector import access, client_hints, limits
from collector.client_address import ClientAddresses
from collector.intake import Client, Intake, Taken
from collector.metrics import Metrics
from collector.rate_limits import Allowance, RateLimiter
from collector.receipts import BROKER, DISK, Receipt, Rejection, encode, nothing_accepted, rejection, whole
from collector.refusals import KINDS, Refused
from collector.settings import CollectorSettings
from collector.sinks import Published, Sink
from collector.unpacking import gunzip
from eventrail import logs, tokens
from eventrail.clock import Clock
from eventrail.rate_limits import fields

_log = logs.get(__name__)

PATHS: Final = ("/api/collect", "/e")
_ACCEPTED: Final = 202
_TOLD: Final = frozenset((b"content-type", b"content-length", b"content-encoding"))


class Answer(NamedTuple):
    """Status and JSON body, with headers beside those of each answer."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Collect:
    """Takes a request, publishes its events, and answers when each of them has its fate."""

    def __init__(
        self,
        intake: Intake,
        sink: Sink,
        clock: Clock,
        metrics: Metrics,
        settings: CollectorSettings,
        addresses: ClientAddresses,
        limiter: RateLimiter,
    ) -> None:
        self._intake = intake
        self._sink = sink
        self._clock = clock
        self._metrics = metrics
        self._settings = settings
        self._addresses = addresses
        self._limiter = limiter
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
            *answer.headers,
        ]
        if answer.status == KINDS["unavailable"].status:
            headers.append((b"retry-after", self._retry_after))
        if answer.status == KINDS["invalid_key"].status:
            headers.append((b"www-authenticate", b"Bearer"))
        return headers

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        client = self._client(scope)
        try:
            body = await self._body(scope, receive)
            allowance = self._allowance(client)
            taken = self._intake.take(body, client, self._clock.now_ms(), allowance)
        except Refused as refused:
            return self._limited(self._refusal(refused), self._allowance(client))
        return self._limited(self._receipt(taken, await self._publish(taken)), allowance)

    def _client(self, scope: Scope) -> Client:
        peer: Any = scope.get("client")
        headers = scope["headers"]
        agents = (value for name, value in headers if name == b"user-agent")
        address = self._addresses.of(peer[0] if peer else None, headers)
        hints = client_hints.read(headers)
        return Client(address, limits.user_agent(agents), access.shown(headers), hints)

    def _allowance(self, client: Client) -> Allowance:
        return self._limiter.request(client.address, self._clock.monotonic())

    def _limited(self, answer: Answer, allowance: Allowance) -> Answer:
        for name, members in allowance.refused():
            self._metrics.rate_limited.labels(name).inc(members)
        now = self._clock.monotonic()
        headers = fields.headers(allowance.standings(now))
        if answer.status == KINDS["rate_limited"].status:
            headers.append((b"retry-after", str(allowance.retry_after(now)).encode()))
        return answer._replace(headers=(*answer.headers, *headers)) if headers else answer

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        if self._in_flight > self._settings.requests_in_flight:
            raise Refused("unavailable", "too many requests at once; try again later")
        told = {name: value for name, value in scope["headers"] if name in _TOLD}
        limits.check_media_type(told.get(b"content-type", b""), told.get(b"content-encoding", b""))
        packed = limits.is_packed(told.get(b"content-encoding", b""))
        most = limits.PACKED_MAX_BYTES if packed else limits.BODY_MAX_BYTES
        limits.check_declared(told.get(b"content-length", b""), most)
        body = await limits.read_body(receive, self._settings.body_timeout, most)
        return gunzip(body, limits.BODY_MAX_BYTES) if packed else body

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
        return Answer(_ACCEPTED, _accepted(taken, accepted, published))


def _accepted(taken: Taken, event_ids: list[str], published: Published) -> bytes:
    receipt = Receipt(
        ok=True,
        accepted=len(event_ids),
        event_ids=event_ids,
        durability=DISK if published.on_disk else BROKER,
        token=tokens.encode(published.offsets),
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
