"""`python -m eventrail rejected`: the door."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from eventrail import logs
from eventrail.clock import Clock, SystemClock
from eventrail.errors import ConfigurationError, EventrailError
from eventrail.rejected import counting, listing, options, showing
from eventrail.rejected.audit import Audit, whoami
from eventrail.rejected.entry import Address, Entry, parse_address
from eventrail.rejected.outbox import DryOutbox, outbox, partition_counts
from eventrail.rejected.patching import Patch, parse_patch
from eventrail.rejected.plan import Refusal, Refused
from eventrail.rejected.replay import Order, Replay
from eventrail.rejected.report import Report
from eventrail.rejected.selection import Filters
from eventrail.rejected.topic import RejectedTopic, rejected_topic
from eventrail.rejected.trace import Run
from eventrail.rejected.walking import in_order, newest
from eventrail.settings import ClickHouseSettings, KafkaSettings, load

DONE: Final = 0
AWAY: Final = 1
WRONG: Final = 2
SOME_REFUSED: Final = 3
STOPPED: Final = 130

_LARGEST_PATCH: Final = 1024 * 1024


def run(chosen: argparse.Namespace, clock: Clock | None = None) -> int:
    """Do what was chosen (see `options.add`) and print the outcome.

    Exit status: 0 when all is done, 1 where a backend does not answer, 2 for a wrong option, setting or address,
    3 where a replay refused some of the events, 130 when a person stopped it.
    """
    logs.configure("eventrail", "CRITICAL")  # what goes wrong is raised, and told once
    try:
        return asyncio.run(_ACTIONS[chosen.action](chosen, clock or SystemClock()))
    except ConfigurationError as error:
        return _complain(chosen, error, WRONG)
    except EventrailError as error:
        return _complain(chosen, error, AWAY)
    except KeyboardInterrupt:
        return _complain(chosen, "stopped; what was not yet done can be done by the same command", STOPPED)
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`). Python must not fail on the rest when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _complain(chosen: argparse.Namespace, what: object, status: int) -> int:
    sys.stdout.flush()
    print(f"eventrail rejected {chosen.action}: {what}", file=sys.stderr)  # noqa: T201 - read at a terminal
    return status


def _say(line: str) -> None:
    print(line)  # noqa: T201 - read at a terminal


def _say_now(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a replay may be slow, and is watched


async def _list(chosen: argparse.Namespace, clock: Clock) -> int:
    options.check_list(chosen)
    selected = options.filters(chosen, clock.now_ms())
    async with rejected_topic(load(KafkaSettings)) as topic:
        if not chosen.json:
            _say(listing.head())
        async with aclosing(_summaries(topic, chosen, selected)) as found:
            async for told in found:
                _say(json.dumps(listing.as_json(told)) if chosen.json else listing.line(told))
    return DONE


async def _summaries(
    topic: RejectedTopic, chosen: argparse.Namespace, selected: Filters
) -> AsyncGenerator[listing.Summary]:
    spans = await topic.spans(selected.since_ms)
    if not chosen.in_order:
        for told in await newest(topic, spans, selected, chosen.limit):
            yield told
        return
    count = 0
    async with aclosing(in_order(topic, spans, selected)) as found:
        async for entry in found:
            yield listing.summary(entry)
            count += 1
            if count == chosen.limit:
                return


async def _show(chosen: argparse.Namespace, _clock: Clock) -> int:
    address = parse_address(chosen.address)
    async with rejected_topic(load(KafkaSettings)) as topic:
        entry = await topic.at(address)
        if entry is None:
            raise ConfigurationError(f"{address}: {await _where(topic, address)}")
    if chosen.raw:
        sys.stdout.buffer.write(showing.raw_bytes(entry))
    elif chosen.json:
        _say(json.dumps(showing.as_json(entry)))
    else:
        for line in showing.lines(entry):
            _say(line)
    return DONE


async def _where(topic: RejectedTopic, address: Address) -> str:
    """Why there is nothing at `address`."""
    span = (await topic.spans()).get(address.partition)
    if span is None:
        return f"there is no partition {address.partition}"
    if address.offset < span.begin:
        return f"it was removed after its time; the oldest one here is {address.partition}:{span.begin}"
    return f"there is no such record yet; partition {address.partition} ends before offset {span.end}"


async def _stats(chosen: argparse.Namespace, clock: Clock) -> int:
    selected = options.filters(chosen, clock.now_ms())
    counts = counting.Counts()
    async with rejected_topic(load(KafkaSettings)) as topic:
        spans = await topic.spans(selected.since_ms)
        async with aclosing(in_order(topic, spans, selected)) as found:
            async for entry in found:
                counts.add(entry)
    if chosen.json:
        _say(json.dumps(counts.as_json()))
    else:
        for line in counts.lines():
            _say(line)
    return DONE


async def _replay(chosen: argparse.Namespace, clock: Clock) -> int:
    selected = options.filters(chosen, clock.now_ms())
    options.check_replay(chosen, selected)
    addresses = sorted(set(map(parse_address, chosen.addresses)))
    patch = await asyncio.to_thread(_patch, chosen.patch) if chosen.patch else None
    report = Report(_say_now, as_json=chosen.json, dry_run=chosen.dry_run)
    order = Order(patch, chosen.rate, chosen.again, chosen.dry_run)
    url = load(ClickHouseSettings).clickhouse_url
    try:
        async with rejected_topic(load(KafkaSettings)) as topic:
            entries = _addressed(topic, addresses, report) if addresses else _selected(topic, selected)
            async with aclosing(entries):
                await _replay_all(entries, url, order, report, clock)
    except (EventrailError, asyncio.CancelledError):
        if report.has_told:
            _say_sums(report, chosen)
        raise
    _say_sums(report, chosen)
    return SOME_REFUSED if report.refused else DONE


def _say_sums(report: Report, chosen: argparse.Namespace) -> None:
    for line in report.sums():
        print(line, file=sys.stderr if chosen.json else sys.stdout, flush=True)


async def _selected(topic: RejectedTopic, selected: Filters) -> AsyncGenerator[Entry]:
    spans = await topic.spans(selected.since_ms)
    async with aclosing(in_order(topic, spans, selected)) as found:
        async for entry in found:
            yield entry


async def _addressed(
    topic: RejectedTopic, addresses: Sequence[Address], report: Report
) -> AsyncGenerator[Entry]:
    for address in addresses:
        entry = await topic.at(address)
        if entry is None:
            report.tell(Refused(address, Refusal.NOT_FOUND, await _where(topic, address)), None)
        else:
            yield entry


async def _replay_all(
    entries: AsyncGenerator[Entry], clickhouse_url: str, order: Order, report: Report, clock: Clock
) -> None:
    kafka = load(KafkaSettings)
    audit = Audit(clickhouse_url)
    who = _run(uuid4(), order.patch)
    try:
        if order.dry_run:
            dry = DryOutbox(await partition_counts(kafka))
            await Replay(order, who, audit, dry, report.tell, clock).run(entries)
            return
        async with outbox(kafka) as sending:
            await Replay(order, who, audit, sending, report.tell, clock).run(entries)
    finally:
        audit.close()


def _run(replay_id: UUID, patch: Patch | None) -> Run:
    user, host = whoami()
    return Run(replay_id, user, host, patch.digest if patch else "")


def _patch(path: Path) -> Patch:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_PATCH + 1)
    except OSError as error:
        raise ConfigurationError(f"--patch {path}: cannot be read: {error.strerror}") from None
    if len(data) > _LARGEST_PATCH:
        raise ConfigurationError(f"--patch {path}: larger than {_LARGEST_PATCH:,} bytes")
    return parse_patch(data, str(path))


_ACTIONS: Final[dict[str, Callable[[argparse.Namespace, Clock], Coroutine[Any, Any, int]]]] = {
    "list": _list,
    "show": _show,
    "stats": _stats,
    "replay": _replay,
}
