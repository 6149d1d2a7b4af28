"""One of several processes that all lead: at each line on stdin it looks, and prints the hashes of the salts it uses.

Arguments: the brokers, and the Unix time in milliseconds at which its clock begins; it moves on by two days a line.
"""

import asyncio
import hashlib
import json
import sys

from enricher.lookups.salts import DaySalts
from enricher.metrics import Metrics
from enricher.salts import days
from enricher.salts.keeper import SaltKeeper
from enricher.salts.sealing import SaltSealer
from enricher.salts.topic import KafkaSaltLog
from eventrail.clock import ManualClock
from eventrail.kafka.records import producer

KEYS = {"race": bytes(range(32))}


async def race(servers: str, begin_ms: int) -> None:
    clock, salts = ManualClock(unix_ms=begin_ms), DaySalts()
    log = KafkaSaltLog(servers, lambda: producer(servers))
    keeper = SaltKeeper(log, SaltSealer(KEYS), salts, lambda: True, clock, Metrics(), clean_every_seconds=0)
    try:
        while await asyncio.to_thread(sys.stdin.readline):
            await keeper.look(make=True)
            found = {day: salts.of(day) or b"" for day in days.wanted(clock.now_ms())}
            hashes = {day: hashlib.sha256(salt).hexdigest() for day, salt in found.items()}
            sys.stdout.write(json.dumps(hashes) + "\n")
            sys.stdout.flush()
            clock.advance(2 * 86_400)
    finally:
        await log.stop()


if __name__ == "__main__":
    asyncio.run(race(sys.argv[1], int(sys.argv[2])))
