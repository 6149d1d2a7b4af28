"""The Faust wiring: the only file that imports Faust.

Faust gives the app, the agent, group membership, fetching and the registered table. It does not decide what
was done: see intake.py and docs/adr. Facts about Faust 0.15 that this file rests on are measured ones.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import faust
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faust.stores import memory
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from enricher import changelog
from enricher.chunk import RawRecord
from enricher.gathering import Gathering
from enricher.intake import Ends, Intake
from enricher.sessions import Sessions
from enricher.settings import EnricherSettings
from eventrail import logs
from eventrail.contract.topics import ENRICHER_APP, RAW, SESSIONS_CHANGELOG, SESSIONS_TABLE
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.security import Brokers, addresses, client_options

_RETRY_SECONDS = 1.0
_NEVER_SECONDS = 10_000_000.0
_QUEUED_RECORDS = 256
_LEAVE_SECONDS = 8.0

_log = logs.get(__name__)
_quiet = logging.getLogger("faust.enricher")
"""For services of Faust that are defined here: it gives them the module's logger and tells each step at INFO."""


class NothingRead(dict[TP, int | None]):
    """Faust's notes of what it has read, forgotten at once.

    It drops what lies below them, and a batch that is being handed on while a seek runs moves them behind the
    seek: then what was to be read again never came (measured). What was done already is for the account to say.
    """

    def __getitem__(self, _key: TP) -> None:
        return None


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Asks the broker to gather records while many come; Faust has no setting for it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._gathering = Gathering(time.monotonic())

    async def _fetch_records(self, consumer: Any, *args: Any, **kwargs: Any) -> Any:
        fetched = await super()._fetch_records(consumer, *args, **kwargs)
        answer = self._gathering.answer(sum(map(len, fetched.values())), time.monotonic())
        consumer._fetcher._fetch_min_bytes = answer.least_bytes  # noqa: SLF001 - read with each request
        consumer._fetcher._fetch_max_wait_ms = answer.wait_ms  # noqa: SLF001
        return fetched


class Consumer(driver.Consumer):
    """Hands on all that it fetches."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = NothingRead()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)


class Transport(driver.Transport):
    """Faust's own, but for the consumer."""

    Consumer = Consumer


class App(faust.App):
    """An app with the consumer above."""

    logger = _quiet

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)


def make_app(settings: EnricherSettings, brokers: Brokers, data_dir: Path) -> faust.App:
    """The Faust app with the registered table of sessions, not started and without its agent yet.

    `data_dir` must have a parent folder; nothing of value is kept in it.
    """
    app = App(
        ENRICHER_APP,
        broker=[f"kafka://{server.strip()}" for server in addresses(brokers).split(",")],
        broker_credentials=_credentials(client_options(brokers)),
        datadir=str(data_dir),
        autodiscover=False,
        loghandlers=[],
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=0,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=settings.session_timeout_seconds,
        broker_heartbeat_interval=settings.heartbeat_interval_seconds,
        # A named wait (key, salt, breaker) may last for hours: who is stuck is for the watchdog to say.
        broker_max_poll_interval=_NEVER_SECONDS,
        # Nothing is ever acknowledged to Faust, so its own commits and their alarms have nothing to say.
        broker_commit_livelock_soft_timeout=_NEVER_SECONDS,
        stream_processing_timeout=_NEVER_SECONDS,
        stream_wait_empty=False,
        stream_recovery_delay=0,
        stream_buffer_maxsize=_QUEUED_RECORDS,
    )
    # A table that is not added here would never be recovered, and its changelog would be anybody's.
    app.tables.add(
        SessionsTable(
            app,
            name=SESSIONS_TABLE,
            beacon=app.tables.beacon,
            key_type=bytes,
            value_type=bytes,
            options={"brokers": brokers},
        )
    )
    return app


def _credentials(options: Mapping[str, Any]) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """What Faust wants to be told of a client's options: it makes the same ones of it."""
    if "sasl_mechanism" in options:
        return faust.SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            ssl_context=options.get("ssl_context"),
            mechanism=options["sasl_mechanism"],
        )
    return faust.SSLCredentials(options["ssl_context"]) if "ssl_context" in options else None


def sessions_of(app: faust.App) -> Sessions:
    """The session states inside the app's registered table."""
    table: Any = app.tables[SESSIONS_TABLE]
    held: Sessions = table.data.sessions
    return held


def connect(app: faust.App, intake: Intake) -> None:
    """Give `app` the agent that consumes the raw topic, and let the group's changes reach `intake`."""
    # Raw bytes: what is no valid message must reach the agent too, and Faust's own decoding would stop it.
    raw_topic = app.topic(
        RAW.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )

    @app.agent(raw_topic, name="enrich", concurrency=1)
    async def enrich(stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            await intake.take(
                RawRecord(
                    message.partition, message.offset, message.generation_id, message.key, message.value
                )
            )

    @app.on_partitions_revoked.connect
    async def partitions_revoked(*_arguments: Any, **_rest: Any) -> None:
        await intake.pause()

    @app.on_before_shutdown.connect
    async def before_shutdown(*_arguments: Any, **_rest: Any) -> None:
        await intake.pause()

    @app.on_rebalance_complete.connect
    async def rebalance_complete(*_arguments: Any, **_rest: Any) -> None:
        # Faust lets the fetcher run before it has gone back to the committed offsets, and drops what
        # came in between. It starts the flow again when it has gone back.
        app.consumer.stop_flow()
        generation = app.consumer_generation_id
        partitions = _raw_partitions(app.consumer.assignment())
        await _until_current(app, generation, lambda: intake.begin(generation, partitions))


def _raw_partitions(assigned: Iterable[TP]) -> list[int]:
    return sorted(tp.partition for tp in assigned if tp.topic == RAW.name)


async def _until_current(app: Any, generation: int, attempt: Callable[[], Awaitable[None]]) -> None:
    """Repeat `attempt` while Kafka does not answer, until the generation is over."""
    while app.consumer_generation_id == generation and not app.should_stop:
        try:
            await attempt()
        except KafkaUnavailable as error:
            _log.warning("a new share of the partitions has to wait", why=str(error))
        else:
            return
        await asyncio.sleep(_RETRY_SECONDS)


class SessionsStore(memory.Store[bytes, bytes]):
    """Faust's view of the session states: what its recovery reads, writes and believes about offsets."""

    logger = _quiet

    def __post_init__(self) -> None:
        super().__post_init__()
        self.sessions = Sessions()

    def persisted_offset(self, tp: TP) -> int | None:
        """Offset of the last changelog record that is contained, so that Faust reads only what is behind it."""
        return self.sessions.of(tp.partition).loaded

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        self.sessions.of(tp.partition).loaded = offset

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """What another worker, late, wrote between our loading and Faust's look at the end of the changelog."""
        for event in batch:
            message = event.message
            held = self.sessions.of(message.partition)
            held.merge(message.key, message.value)
            held.loaded = max(held.loaded, message.offset)
        self.data = self.sessions.merged()

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Forget the partitions that are gone and load those that came, before anything is fetched."""
        partitions = _raw_partitions(assigned)
        self.sessions.only(partitions)
        await _until_current(self.app, generation_id, lambda: self._load(partitions))
        self.data = self.sessions.merged()

    async def _load(self, partitions: Sequence[int]) -> None:
        brokers = (self.options or {})["brokers"]
        await changelog.load(brokers, SESSIONS_CHANGELOG.name, self.sessions, partitions)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Nothing to clean: `on_rebalance` keeps only what is assigned."""


class SessionsTable(faust.Table[bytes, bytes]):
    """A Faust table over SessionsStore; it is read and written beside its mapping methods, which cost too much."""

    logger = _quiet

    async def on_start(self) -> None:
        """Start without declaring the changelog: topics are created and verified before the worker starts."""
        await self.add_runtime_dependency(self.data)

    def _new_store(self) -> SessionsStore:
        return SessionsStore(
            "memory://",
            self.app,
            self,
            table_name=self.name,
            key_type=self.key_type,
            value_type=self.value_type,
            key_serializer=self.key_serializer,
            value_serializer=self.value_serializer,
            options=self.options,
            loop=self.loop,
        )


class FaustSource:
    """Faust's consumer as the Source of the intake. Its aiokafka consumer lives in a thread of its own."""

    def __init__(self, app: faust.App) -> None:
        self._app = app

    @property
    def _thread(self) -> Any:
        consumer: Any = self._app.consumer
        return consumer._thread  # noqa: SLF001 - Faust has no other door to it

    async def ends(self, partitions: Sequence[int]) -> dict[int, Ends]:
        tps = [TopicPartition(RAW.name, number) for number in partitions]
        ends: dict[int, Ends] = await self._call(self._ends, tps)
        return ends

    async def _ends(self, consumer: Any, tps: Sequence[TopicPartition]) -> dict[int, Ends]:
        if not tps:
            return {}
        earliest, end = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        committed = await asyncio.gather(*(consumer.committed(tp) for tp in tps))
        return {
            tp.partition: Ends(offset, earliest[tp], end[tp])
            for tp, offset in zip(tps, committed, strict=True)
        }

    async def seek(self, offsets: Mapping[int, int]) -> None:
        if offsets:
            seeks = {TP(RAW.name, number): offset for number, offset in offsets.items()}
            try:
                await self._thread.seek_wait(seeks)
            except (KafkaError, TimeoutError) as error:
                raise KafkaUnavailable(f"seek: {error!r}") from error

    async def commit(self, offsets: Mapping[int, int]) -> bool:
        done: bool = await self._call(self._commit, offsets)
        return done

    async def _commit(self, consumer: Any, offsets: Mapping[int, int]) -> bool:
        # Faust's own commit ends the worker after any error of the broker.
        assigned = consumer.assignment()
        ours = {
            tp: offset
            for number, offset in offsets.items()
            if (tp := TopicPartition(RAW.name, number)) in assigned
        }
        if len(ours) < len(offsets):
            return False
        try:
            await consumer.commit(ours)
        except (CommitFailedError, IllegalStateError):
            return False
        return True

    async def _call(self, work: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        """Run `work(consumer, *arguments)` in the thread of Faust's consumer."""
        thread = self._thread
        try:
            return await thread.call_thread(work, thread._ensure_consumer(), *arguments)  # noqa: SLF001
        except KafkaError as error:
            raise KafkaUnavailable(f"consumer: {error!r}") from error


def _leave_at_once() -> None:
    _log.warning("Kafka does not answer a goodbye; the group will notice by its session timeout")
    os._exit(0)


class Worker(faust.Worker):
    """A Faust worker inside somebody else's event loop: it leaves signals and logging alone."""

    def __init__(self, app: faust.App) -> None:
        super().__init__(
            app,
            loop=asyncio.get_running_loop(),
            daemon=False,
            loglevel=None,
            redirect_stdouts=False,
            override_logging=False,
            quiet=True,
        )
        self.spinner = None

    def install_signal_handlers(self) -> None:
        """The door has installed its own."""

    async def run(self, stop: asyncio.Event, finish: Callable[[], Awaitable[None]]) -> None:
        """Work until `stop` is set, then `finish()` and leave the group. Raises what made the worker crash.

        The process ends inside, with status 0, where leaving takes more than some seconds: what is done was
        committed.
        """
        waiters = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(self._crashed.wait())]
        starting = asyncio.ensure_future(self.start())
        try:
            await asyncio.wait([starting, *waiters], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
                await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (starting, *waiters):
                task.cancel()
            await finish()
            # Faust's stop blocks the loop as long as its consumer's thread waits for an answer of Kafka.
            limit = threading.Timer(_LEAVE_SECONDS, _leave_at_once)
            limit.start()
            await self.stop()
            limit.cancel()
        if self.crash_reason is not None:
            raise self.crash_reason
