"""A producer that is always there, or the reason why not: connects, verifies the topic, replaces what broke.

An idempotent aiokafka producer never gives a batch up, and after one refused batch its sequence
numbers no longer fit. So a producer that failed or got stuck is replaced by a new one as a whole.
"""

import asyncio
import contextlib
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from eventrail import logs
from eventrail.contract.topics import RAW, Topic
from eventrail.errors import ConfigurationError, UnavailableError
from eventrail.kafka import records
from eventrail.kafka.admin import verify_topics
from eventrail.kafka.security import unreachable
from eventrail.settings import KafkaSettings

_log = logs.get(__name__)

_CONNECT_SECONDS = 15.0
_CLOSE_SECONDS = 1.0
_FIRST_PAUSE = 0.25


@dataclass(eq=False)
class Session:
    """A started producer and the number of partitions it found."""

    producer: AIOKafkaProducer
    partitions: int
    broken: bool = False


class Connection:
    """Keeps one Session for `topic` alive in the background, from `open` to `close`.

    All times are in seconds. `patience`: how long the producer waits for an answer, and how long an
    old producer may take to end. `heartbeat`: how often the broker is asked for a sign of life, and how long it may
    take to answer; a session that gets none twice in a row is replaced.
    `longest_pause`: the most that lies between two attempts to connect.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        patience: float,
        topic: Topic = RAW,
        *,
        heartbeat: float = 5.0,
        longest_pause: float = 5.0,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._patience = patience
        self._heartbeat = heartbeat
        self._longest_pause = longest_pause
        self.session: Session | None = None
        self.fault: str | None = None
        """What is wrong with the topic, where a person must change something."""
        self.away: str | None = "not connected yet"
        """Why there is no session, None where there is one."""
        self.silent: str | None = None
        """Why the session may not work now: the broker did not answer when it was last asked."""
        self._wanted = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def trouble(self) -> str | None:
        """Why Kafka cannot be used now, None where nothing speaks against it."""
        return self.away or self.silent

    def open(self) -> None:
        """Start connecting; returns at once."""
        self._wanted.set()
        self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """End all producers, within about 2 s.

        What they still hold was answered already: call it when nobody waits for a send any more.
        """
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self.session is not None:
            self._end(self.session)
        self.session, self.away = None, "closed"
        if self._ending:
            _, late = await asyncio.wait(self._ending, timeout=_CLOSE_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def replace(self, session: Session, reason: str) -> None:
        """`session` failed: connect anew, and use it only until the next one is there."""
        if session is self.session and not session.broken:
            session.broken = True
            _log.warning("the connection to Kafka is replaced", reason=reason)
            self._wanted.set()

    async def _keep(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            await self._until_wanted()
            old = self.session
            if await self._connect():
                self._wanted.clear()
                pause = _FIRST_PAUSE
            if old is not None:
                self._end(old)
            if self.session is None:
                await asyncio.sleep(pause)
                pause = min(pause * 2, self._longest_pause)

    async def _until_wanted(self) -> None:
        while not self._wanted.is_set():
            try:
                async with asyncio.timeout(self._heartbeat):
                    await self._wanted.wait()
            except TimeoutError:
                await self._ask()

    async def _ask(self) -> None:
        session = self.session
        if session is None:
            return
        client = session.producer.client
        try:
            async with asyncio.timeout(self._heartbeat):
                answered = bool(await client.force_metadata_update())
        except Exception:  # whatever it is, it is no sign of life
            answered = False
        if not answered:
            self._unheard(session)
            return
        self._heard(None)
        if len(client.cluster.partitions_for_topic(self._topic.name) or ()) != session.partitions:
            self.replace(session, f"topic {self._topic.name} has changed")

    def _unheard(self, session: Session) -> None:
        # While Kafka is silent nothing may be sent at all, so no send finds out that it is the client that is dead.
        if self.silent:
            self.replace(session, "no sign of life for the second time")
        self._heard("Kafka does not answer")

    def _heard(self, silent: str | None) -> None:
        if silent and not self.silent:
            _log.warning(
                "Kafka does not answer, nothing is lost",
                topic=self._topic.name,
                waiting="requests wait, then are answered 503",
            )
        if self.silent and not silent:
            _log.info("Kafka answers again")
        self.silent = silent

    async def _connect(self) -> bool:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                session = await self._started()
        except Exception as error:  # whatever it is: without another attempt nothing would ever be sent again
            self._missing(error)
            return False
        if self.away or self.fault:
            _log.info("connected to Kafka", topic=self._topic.name, partitions=session.partitions)
        self.session, self.away, self.fault, self.silent = session, None, None, None
        return True

    def _missing(self, error: Exception) -> None:
        known = isinstance(error, TimeoutError | UnavailableError | ConfigurationError | KafkaError | OSError)
        reason = (str(error) or f"no answer within {_CONNECT_SECONDS:g} s") if known else repr(error)
        if reason != self.away:
            trace = None if known else error
            _log.warning(
                "Kafka cannot be used, trying again", topic=self._topic.name, reason=reason, exc_info=trace
            )
        self.session, self.away = None, reason
        self.fault = reason if isinstance(error, ConfigurationError) else None

    async def _started(self) -> Session:
        await verify_topics(self._settings, [self._topic])
        producer = records.producer(self._settings, request_timeout_ms=int(self._patience * 1000))
        try:
            await producer.start()
            found = await producer.partitions_for(self._topic.name)
        except BaseException as error:
            await _finish(producer, self._patience)
            if isinstance(error, KafkaError):
                raise await unreachable(self._settings, error) from error
            raise
        return Session(producer, len(found))

    def _end(self, session: Session) -> None:
        task = asyncio.create_task(self._let_go(session))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _let_go(self, session: Session) -> None:
        try:
            await _finish(session.producer, self._patience)
        except asyncio.CancelledError:
            await _abort(session.producer, _CLOSE_SECONDS)
        except Exception as error:  # aiokafka's own faults; the producer is out of use in any case
            _log.warning("a Kafka producer did not end in order", reason=repr(error))


async def _finish(producer: AIOKafkaProducer, patience: float) -> None:
    try:
        async with asyncio.timeout(patience):
            await producer.flush()
            await producer.stop()
    except (TimeoutError, KafkaError):
        await _abort(producer, patience)


async def _abort(producer: AIOKafkaProducer, patience: float) -> None:
    # Public stop() waits until everything is delivered, also where that will never be.
    producer._closed = True  # noqa: SLF001
    with contextlib.suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(patience):
            await producer._sender.close()  # noqa: SLF001
    await producer.client.close()
