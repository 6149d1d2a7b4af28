from enricher.salts.log import MemorySaltLog
from eventrail.clock import ManualClock


async def test_the_cleaner_keeps_the_last_of_each_key_at_its_place_and_no_tombstone() -> None:
    clock = ManualClock(unix_ms=7)
    log = MemorySaltLog(clock)
    await log.append([(b"a", b"1"), (b"b", b"2")])
    clock.advance(1)
    await log.append([(b"a", None), (b"c", b"3")])
    log.compact()
    assert [(r.offset, r.key, r.value, r.at_ms) for r in await log.read()] == [
        (1, b"b", b"2", 7),
        (3, b"c", b"3", 1007),
    ]
