"""`POST /api/collect` and `POST /e`: a plain ASGI endpoint, the hot way of every event."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from msgspec import UNSET
from starlette.types import Receive, Scope, Send

from collector import limits, senders
from collector.answers import Answer
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
from eventrail.tracing import Begun, Traces

_log = logs.get(__name__)

PATHS: Final = ("/api/collect", "/e")
_URLS: Final = frozenset(path.encode() for path in PATHS)
_ACCEPTED: Final = 202
_SPAN: Final = "collect"
Headers = list[tuple[bytes, bytes]]
Single = dict[bytes, bytes]
"""Headers by name, of each the last one."""


class Collect:
    """Takes a request, publishes its events, and answers when each of them has its fate.

    There are two ways in: the ASGI endpoint, which reads the body, and the short way (`protocol.ShortWay`) of requests
    that arrived whole.
    """

    def __init__(
        self,
        intake: Intake,
        sink: Sink,
        clock: Clock,
        metrics: Metrics,
        settings: CollectorSettings,
        addresses: ClientAddresses,
        limiter: RateLimiter,
        traces: Traces | None = None,
    ) -> None:
        self._intake = intake
        self._sink = sink
        self._clock = clock
        self._metrics = metrics
        self._settings = settings
        self._addresses = addresses
        self._limiter = limiter
        self._traces = traces
        self._in_flight = 0
        self._retry_after = str(settings.retry_after).encode()
        metrics.requests_in_flight.set_function(lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI endpoint; what fails unexpectedly is logged and answered 500."""
        self._in_flight += 1
        try:
            answer = await self._read_and_answer(scope, receive)
        except limits.ClientGone:
            return
        except Exception as error:
            answer = self._failure(error)
        finally:
            self._in_flight -= 1
        answer = self._finished(answer)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.all_headers()})
        await send({"type": "http.response.body", "body": answer.body})

    def takes(self, method: bytes, url: bytes) -> bool:
        """Whether the short way is open to requests like this one."""
        return method == b"POST" and url in _URLS

    def serve(
        self, host: str | None, headers: Headers, body: bytes, answered: Callable[[Answer], None]
    ) -> None:
        """The short way: as the endpoint with a body that is here, and without a task where the sink needs none."""
        self._in_flight += 1
        try:
            single = dict(headers)
            begun = self._answer_or_begin(self._client(host, headers, single), single, body)
        except Exception as error:
            begun = self._failure(error)
        if isinstance(begun, Answer):
            self._end(answered, begun)
        elif begun.publishing.done():
            self._end(answered, self._fate(begun))
        else:
            begun.publishing.add_done_callback(lambda _: self._end(answered, self._fate(begun)))

    def _end(self, answered: Callable[[Answer], None], answer: Answer) -> None:
        self._in_flight -= 1
        answered(self._finished(answer))

    async def _read_and_answer(self, scope: Scope, receive: Receive) -> Answer:
        peer: Any = scope.get("client")
        headers = scope["headers"]
        single = dict(headers)
        client = self._client(peer[0] if peer else None, headers, single)
        try:
            expected = self._expected(single)
            limits.check_declared(single.get(b"content-length", b""), expected.most_bytes)
            body = await limits.read_body(receive, self._settings.body_timeout, expected.most_bytes)
            begun = self._begin(client, body, expected, single)
        except Refused as refused:
            return self._refusal(refused, client)
        await begun.publishing
        return self._fate(begun)

    def _answer_or_begin(self, client: Client, single: Single, body: bytes) -> "Answer | _Begun":
        try:
            expected = self._expected(single)
            limits.check_size(len(body), expected.most_bytes)
            return self._begin(client, body, expected, single)
        except Refused as refused:
            return self._refusal(refused, client)

    def _expected(self, single: Single) -> limits.Expected:
        if self._in_flight > self._settings.requests_in_flight:
            raise Refused("unavailable", "too many requests at once; try again later")
        return limits.expected(single.get(b"content-type", b""), single.get(b"content-encoding", b""))

    def _client(self, host: str | None, headers: Headers, single: Single) -> Client:
        if len(single) != len(headers):
            return senders.exact(self._addresses.of(host, headers), headers)
        return senders.known(self._addresses.behind(host, single.get(self._addresses.header)), single)

    def _begin(self, client: Client, body: bytes, expected: limits.Expected, single: Single) -> "_Begun":
        if expected.packed:
            body = gunzip(body, limits.BODY_MAX_BYTES)
        span = None
        if self._traces is not None and self._traces.is_chosen():
            span = self._traces.begin(_SPAN, single.get(b"traceparent", b""))
            client = client._replace(traceparent=span.traceparent)
        allowance = self._allowance(client)
        taken = self._intake.take(body, client, self._clock.now_ms(), allowance)
        return _Begun(taken, allowance, self._clock.monotonic(), self._publish(taken), span)

    def _publish(self, taken: Taken) -> asyncio.Future[Published]:
        if not taken.events:
            nothing: asyncio.Future[Published] = asyncio.get_running_loop().create_future()
            nothing.set_result(Published())
            return nothing
        publishing = self._sink.publish(taken.events)
        return publishing if isinstance(publishing, asyncio.Future) else asyncio.ensure_future(publishing)

    def _allowance(self, client: Client) -> Allowance:
        return self._limiter.request(client.address, self._clock.monotonic())

    def _fate(self, begun: "_Begun") -> Answer:
        try:
            answer = self._receipt(begun.taken, begun.publishing.result())
        except Exception as error:
            answer = self._failure(error)
        else:
            if begun.taken.events:
                self._metrics.publish_seconds.observe(self._clock.monotonic() - begun.at)
            answer = self._limited(answer, begun.allowance)
        if begun.span is not None:
            begun.span.end(
                {
                    "http.request.method": "POST",
                    "http.response.status_code": answer.status,
                    "eventrail.events": len(begun.taken.events),
                }
            )
        return answer

    def _limited(self, answer: Answer, allowance: Allowance) -> Answer:
        if not allowance.limits:
            return answer
        for name, members in allowance.refused():
            self._metrics.rate_limited.labels(name).inc(members)
        now = self._clock.monotonic()
        headers = fields.headers(allowance.standings(now))
        if answer.status == KINDS["rate_limited"].status:
            headers.append((b"retry-after", str(allowance.retry_after(now)).encode()))
        return answer._replace(headers=(*answer.headers, *headers)) if headers else answer

    def _finished(self, answer: Answer) -> Answer:
        self._metrics.answered(answer.status)
        if answer.status == KINDS["unavailable"].status:
            return answer._replace(headers=(*answer.headers, (b"retry-after", self._retry_after)))
        if answer.status == KINDS["invalid_key"].status:
            return answer._replace(headers=(*answer.headers, (b"www-authenticate", b"Bearer")))
        return answer

    def _failure(self, error: Exception) -> Answer:
        _log.error("a request failed", exc_info=error)
        return self._whole(Refused("internal", "the collector failed on this request; it was logged"))

    def _refusal(self, refused: Refused, client: Client) -> Answer:
        return self._limited(self._whole(refused), self._allowance(client))

    def _whole(self, refused: Refused) -> Answer:
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


class _Begun(NamedTuple):
    """A request that is with the sink since `at`; `span` where it is traced."""

    taken: Taken
    allowance: Allowance
    at: float
    publishing: asyncio.Future[Published]
    span: Begun | None


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
