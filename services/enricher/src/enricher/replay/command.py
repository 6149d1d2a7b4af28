"""`python -m enricher replay`: the door of re-enrichment."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from enricher.lookups.geo_file import GeoFile
from enricher.lookups.salts import DaySalts
from enricher.metrics import Metrics
from enricher.replay import time_range
from enricher.replay.raw_log import raw_log
from enricher.replay.report import Report
from enricher.replay.run import Replay
from enricher.replay.stored import Stored
from enricher.replay.time_range import TimeRange
from enricher.salts.keeper import SaltKeeper
from enricher.salts.sealing import SaltSealer
from enricher.salts.topic import KafkaSaltLog
from enricher.settings import LookupSettings
from enricher.worker import make_world
from enricher.world import World
from eventrail import logs
from eventrail.clock import Clock
from eventrail.errors import ConfigurationError, EventrailError
from eventrail.kafka.records import producer
from eventrail.sealing import SealingSettings, parse_keys
from eventrail.settings import ClickHouseSettings, KafkaSettings, load
from eventrail.websites.settings import WebsitesSettings
from eventrail.websites.watching import open_websites

_NEVER_SECONDS = 1e9


@dataclass(frozen=True)
class _Settings:
    """What a replay is told from outside: what a worker is told, and where the events are stored."""

    kafka: KafkaSettings
    clickhouse: ClickHouseSettings
    lookups: LookupSettings
    sealing: SealingSettings
    websites: WebsitesSettings


def main(chosen: argparse.Namespace, clock: Clock) -> int:
    """Exit status: 0 after a replay, whatever it found, 1 where it cannot be done, 2 for a wrong option or setting."""
    logs.configure("enricher", "CRITICAL")  # what goes wrong is raised, and told once
    try:
        if not (chosen.begin and chosen.end):
            raise ConfigurationError("replay needs --from T1 and --to T2, RFC 3339 times")
        within = time_range.parse(chosen.begin, chosen.end, clock.now_ms())
        settings = _Settings(
            load(KafkaSettings),
            load(ClickHouseSettings),
            load(LookupSettings),
            load(SealingSettings),
            load(WebsitesSettings),
        )
        report = asyncio.run(_replay(settings, within, clock, apply=chosen.apply, keep=chosen.keep))
    except ConfigurationError as error:
        print(f"enricher replay: {error}", file=sys.stderr)  # noqa: T201 - read at a terminal
        return 2
    except EventrailError as error:
        print(f"enricher replay: {error}", file=sys.stderr)  # noqa: T201
        return 1
    for line in report.lines():
        print(line)  # noqa: T201
    return 0


async def _replay(settings: _Settings, within: TimeRange, clock: Clock, *, apply: bool, keep: bool) -> Report:
    world = await _world(settings, clock)
    shadow = f"events_replay_{clock.now_ms()}"
    async with (
        raw_log(settings.kafka) as raw,
        _stored(settings.clickhouse.clickhouse_url, within, shadow, keep=keep) as stored,
    ):
        report = await Replay(within, raw, stored, world, clock.now_ms()).run(apply=apply)
        report.shadow = shadow if keep else None
        return report


async def _world(settings: _Settings, clock: Clock) -> World:
    """What a worker with these settings knows. Raises ConfigurationError or KafkaUnavailable."""
    geo = GeoFile(settings.lookups.geoip_database)
    if settings.lookups.geoip_database and not geo.database:
        raise ConfigurationError(
            f"EVENTRAIL_GEOIP_DATABASE: {settings.lookups.geoip_database} cannot be read; "
            "a replay without it would take away the places of all events"
        )
    salts = await _salts(settings, clock)
    return make_world(settings.lookups, settings.sealing, open_websites(settings.websites), salts, geo)


async def _salts(settings: _Settings, clock: Clock) -> DaySalts:
    salts, log = DaySalts(), KafkaSaltLog(settings.kafka, lambda: producer(settings.kafka))
    sealer = SaltSealer(parse_keys(settings.lookups.salt_keys, "EVENTRAIL_SALT_KEYS"))
    keeper = SaltKeeper(log, sealer, salts, lambda: False, clock, Metrics(), _NEVER_SECONDS)
    try:
        await keeper.look(make=False)
    finally:
        await log.stop()
    return salts


@asynccontextmanager
async def _stored(url: str, within: TimeRange, shadow: str, *, keep: bool) -> AsyncIterator[Stored]:
    stored = Stored(url, within, shadow)
    try:
        yield stored
    finally:
        if not keep:
            await asyncio.to_thread(stored.drop_shadow)
        await asyncio.to_thread(stored.close)
