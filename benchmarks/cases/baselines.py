"""What the bare parts do on this machine: clients of Kafka, a naive Faust agent, the engine alone."""

import asyncio
import json
import sys
import time
from typing import Final

from benchmarks import lag
from benchmarks.baselines import naive_faust, producers
from benchmarks.bench import Bench
from benchmarks.figures import Figure
from benchmarks.load import Order, send
from benchmarks.processes import Account
from benchmarks.stack import Stack, stack
from devstack.process import Run
from eventrail.contract.topics import RAW, Topic
from eventrail.kafka.admin import admin, create_topics
from eventrail.kafka.offsets import committed, partitions
from eventrail.settings import KafkaSettings

CASE = "baselines"
RECORDS: Final = {True: 50_000, False: 200_000}
ROWS: Final = {True: 300_000, False: 2_000_000}
NAIVE_SECONDS: Final = {True: 4.0, False: 10.0}
STOP_S: Final = 20.0


async def measure(bench: Bench) -> list[Figure]:
    """Records/s of two producers, events/s of the naive agent, rows/s and milliseconds of the engine."""
    async with stack(bench.fresh(CASE)) as running:
        await running.start("kafka")
        await running.jobs(only=("topics create",))
        figures = await _producers(bench, running)
    async with stack(bench.fresh("naive")) as running:
        await running.start("kafka")
        await running.jobs(only=("topics create",))
        figures.append(await _naive(bench, running))
    return [*figures, *await _engine(bench)]


async def _producers(bench: Bench, running: Stack) -> list[Figure]:
    servers, values = str(running.addresses.kafka), producers.records(RECORDS[bench.quick], bench.seed)
    count = KafkaSettings.model_fields["topic_partitions"].default
    ours, theirs = [], []
    for _ in range(bench.runs):
        ours.append(await producers.aiokafka(servers, values, count))
        theirs.append(await asyncio.to_thread(producers.librdkafka, servers, values, count))
    return [
        Figure(
            CASE, f"{name}, records of {producers.RECORD_BYTES} bytes, acks=all", "records/s", tuple(found)
        )
        for name, found in (("aiokafka, batch API", ours), ("librdkafka (confluent-kafka)", theirs))
    ]


async def _naive(bench: Bench, running: Stack) -> Figure:
    """What a filled topic of single events is worked off with; only processor time is told, so waits do not count."""
    await running.start("collector")
    address = running.addresses.collector
    sent = await send(Order(address.host, address.port, 1, NAIVE_SECONDS[bench.quick], seed=bench.seed))
    await running.stop("collector")
    kafka = KafkaSettings(kafka_bootstrap_servers=str(running.addresses.kafka))
    await create_topics(kafka, [Topic(naive_faust.OUTPUT, "what the naive agent makes of events")])
    events = sum(sent.all_statuses.values())
    count = str(kafka.topic_partitions)
    command = (sys.executable, "-m", "benchmarks.baselines.naive_faust", kafka.kafka_bootstrap_servers)
    run = await Run.start(
        (*command, str(running.folder / "faust"), count), running.folder / "faust.log", running.variables
    )
    try:
        account = Account({"naive": run.pid})
        account.begin()
        await _worked_off(kafka, run)
        used = account.end()["naive"].cpu_seconds
    finally:
        await run.stop(STOP_S)
    bench.say(f"naive Faust agent: {events:,} events in {used:.1f} s of processor time")
    name = "naive Faust agent: one record, one table write, one send"
    return Figure(CASE, name, "events/s and core", (events / used,))


async def _worked_off(kafka: KafkaSettings, run: Run, limit_s: float = 600.0) -> None:
    async with asyncio.timeout(limit_s), admin(kafka) as client:
        of = (await partitions(client, [RAW.name]))[RAW.name]
        async with lag.measuring(kafka.kafka_bootstrap_servers) as behind:
            total = (await behind.sample()).ends[RAW.name]
        while sum((await committed(client, naive_faust.APP, of)).values()) < total:
            if run.returncode is not None:
                raise RuntimeError(f"the naive Faust agent died:\n{run.log_end()}")
            await asyncio.sleep(0.2)


async def _engine(bench: Bench) -> list[Figure]:
    folder = bench.fresh("engine")
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.baselines.engine", str(folder), str(ROWS[bench.quick])),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("the engine alone could not be measured; it said why above")
    found = json.loads(said)
    bench.say(f"engine alone: {time.monotonic() - began:.0f} s")
    rows = f"{ROWS[bench.quick]:,} rows"
    return [
        Figure(CASE, f"engine: inserts {rows} from a file", "rows/s", (found["inserted"],)),
        Figure(CASE, f"engine: count() of a website of {rows}", "ms", (found["count_ms"],)),
    ]
