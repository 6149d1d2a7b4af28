"""Bugs that the matrix has to find; test_planted.py plants each and looks whether it does.

Each is what a tired person might write. They change a running service by replacing one function of it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any


def commit_before_insert() -> None:
    """The writer's offsets are committed when a batch is taken, not when the engine has it."""
    from writer.batch import Batch
    from writer.stream import Stream

    async def hasty(self: Stream, batch: Batch, _generation: int) -> None:
        self._owed |= batch.next_offsets()
        await self._commit()
        await self._deliver(lambda: batch.records)

    setattr(Stream, "_carry", hasty)  # noqa: B010 - in the place of the method


def answer_before_ack() -> None:
    """The collector answers 202 while its events are still on their way to the broker."""
    import asyncio

    from collector.sinks import Placed, Published
    from collector.sinks.kafka import KafkaSink

    publish = KafkaSink.publish
    running: set[asyncio.Future[Published]] = set()

    async def hasty(self: KafkaSink, events: Sequence[Placed]) -> Published:
        publishing = asyncio.ensure_future(publish(self, events))
        running.add(publishing)
        publishing.add_done_callback(running.discard)
        return Published()

    setattr(KafkaSink, "publish", hasty)  # noqa: B010 - in the place of the method


def read_without_final() -> None:
    """The query API counts the copies that the table has not merged yet."""
    from query_api import events_table

    reading = events_table.reading

    def plain(*arguments: Any, **more: Any) -> Any:
        from dataclasses import replace

        statement = reading(*arguments, **more)
        return replace(statement, sql=statement.sql.replace(" FINAL", ""))

    for module in _rooms_that_read():
        module.reading = plain


def _rooms_that_read() -> Sequence[Any]:
    from query_api.queries import events, properties, timeseries

    return events, properties, timeseries


def sort_key_with_visitor() -> None:
    """The table's sort key holds the visitor, so that a retry from another address is another row for ever."""
    from writer import migrations

    made = migrations._migration

    def wrong(file_name: str, text: str) -> Any:
        key = "ORDER BY (website_id, event_name, identity_day, event_id_high, event_id_low)"
        return made(file_name, text.replace(key, key.replace("event_id_high", "visitor_id, event_id_high")))

    setattr(migrations, "_migration", wrong)  # noqa: B010 - in the place of the function


BUGS: Mapping[str, Callable[[], None]] = {
    bug.__name__: bug
    for bug in (commit_before_insert, answer_before_ack, read_without_final, sort_key_with_visitor)
}
"""Bugs by name; each is planted by calling it before its service starts."""
