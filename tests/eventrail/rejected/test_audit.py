"""What is stored and what was replayed, asked of a real engine."""

import os
import platform
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventrail.clickhouse import connect
from eventrail.contract.v1.enriched_pb2 import EventType
from eventrail.errors import ClickHouseUnavailable, ConfigurationError
from eventrail.rejected.audit import _INSERT, Audit, whoami
from eventrail.rejected.identity import Identity, identity
from eventrail.rejected.plan import Planned, plan
from eventrail.rejected.trace import Outcome, Place, Run
from eventrail.rows.events import row
from eventrail.rows.stored import STORED_COLUMNS, stored_columns
from tests.eventrail.rejected.making import NOON, by_enricher, by_writer, enriched, raw, record
from writer.migrations import migrations

RUN = Run(uuid4(), "ann", "host-1", "ab" * 32)


@pytest.fixture
def audit(database: str) -> Iterator[Audit]:
    made = Audit(database)
    yield made
    made.close()


def insert(url: str, *events: Any) -> None:
    client = connect(url)
    client.execute(
        f"INSERT INTO events ({', '.join(STORED_COLUMNS)}) VALUES",
        stored_columns([row(event, 0, 0) for event in events]),
        columnar=True,
    )
    client.disconnect()


def planned(offset: int, **fields: Any) -> Planned:
    [found] = plan(record(by_writer(enriched(**fields), source_offset=offset), 1, offset), None)
    assert isinstance(found, Planned)
    return found


@pytest.mark.stack
def test_it_knows_what_is_stored_by_its_whole_identity(audit: Audit, database: str, website: str) -> None:
    ids = [str(uuid4()) for _ in range(4)]
    there = enriched(website_id=website, event_id=ids[0])
    # A copy that was accepted in another month lies in another part of the table.
    copy = enriched(website_id=website, event_id=ids[0], received_at_ms=NOON + 40 * 86_400_000)
    view = enriched(
        website_id=website, event_id=ids[1], event_type=EventType.EVENT_TYPE_PAGEVIEW, event_name=""
    )
    wild = enriched(website_id=website, event_id=ids[2], identity_day=-700_000)
    insert(database, there, view, wild)
    insert(database, copy)
    mine = identity(there)
    others = {
        mine._replace(website_id="other"),
        mine._replace(event_name="other"),
        mine._replace(identity_day=mine.identity_day.replace(day=1)),
        mine._replace(event_id=UUID(ids[3])),
        mine._replace(website_id="x' OR 1=1 --\\"),
    }
    wanted = {mine, identity(view), identity(wild)}
    assert audit.stored(wanted | others) == wanted
    assert audit.stored(others) == set()
    assert audit.stored(set()) == set()


@pytest.mark.stack
def test_many_are_looked_up_at_once(audit: Audit, database: str, website: str) -> None:
    events = [enriched(website_id=website, event_id=str(uuid4())) for _ in range(500)]
    insert(database, *events[::2])
    assert audit.stored([identity(event) for event in events]) == {identity(event) for event in events[::2]}


@pytest.mark.stack
def test_only_what_was_sent_counts_as_replayed(audit: Audit, website: str) -> None:
    sent, intended, nobody = (planned(offset, website_id=website) for offset in (1, 2, 3))
    audit.note(RUN, Outcome.INTENDED, NOON, [(sent, None), (intended, None)])
    assert audit.replayed({sent.origin, intended.origin}) == set()
    audit.note(RUN, Outcome.SENT, NOON + 1, [(sent, Place(4, 77))])
    assert audit.replayed({sent.origin, intended.origin, nobody.origin}) == {sent.origin}
    # Other bytes at the same place: the topic was created anew.
    assert audit.replayed({sent.origin._replace(digest="0" * 64)}) == set()
    assert audit.replayed(set()) == set()


@pytest.mark.stack
def test_every_fact_is_kept(audit: Audit, database: str, website: str) -> None:
    [item] = plan(record(by_enricher(raw(website_id=website), rejected_at_ms=-3), 2, 9), None)
    assert isinstance(item, Planned)
    audit.note(RUN, Outcome.INTENDED, NOON, [(item, None)])
    audit.note(RUN, Outcome.SENT, NOON + 5, [(item, Place(3, 40))])
    client = connect(database)
    names = _INSERT[_INSERT.index("(") + 1 : _INSERT.index(")")]
    found = client.execute(
        f"SELECT {names} FROM rejected_replays WHERE website_id = %(w)s ORDER BY at", {"w": website}
    )
    client.disconnect()
    first, second = (dict(zip(names.split(", "), values, strict=True)) for values in found)
    assert (first["outcome"], first["partition"], first["offset"]) == ("intended", 3, -1)
    assert (second["outcome"], second["partition"], second["offset"]) == ("sent", 3, 40)
    assert round(second["at"].timestamp() * 1000) == NOON + 5
    assert second["replay_id"] == RUN.replay_id
    assert (second["os_user"], second["host"], second["patch_digest"]) == ("ann", "host-1", "ab" * 32)
    assert (second["rejected_partition"], second["rejected_offset"]) == (2, 9)
    assert second["rejected_at"].timestamp() == 0
    assert (second["stage"], second["reason"]) == ("enricher", "invalid")
    assert tuple(second[name] for name in names.split(", ")[11:16]) == tuple(item.origin)
    assert Identity(*(second[name] for name in Identity._fields)) == item.identity


def test_every_column_is_filled() -> None:
    [migration] = [each for each in migrations() if each.name == "rejected_replays"]
    declared = re.findall(r"^    ([a-z_]+) +[A-Z]", migration.statements[0], re.MULTILINE)
    assert declared == _INSERT[_INSERT.index("(") + 1 : _INSERT.index(")")].split(", ")


def test_an_engine_that_is_away_is_told() -> None:
    audit = Audit("clickhouse://default@127.0.0.1:1/eventrail")
    with pytest.raises(ClickHouseUnavailable):
        audit.stored({planned(1).identity})
    audit.close()


@pytest.mark.stack
def test_missing_tables_are_told_with_what_to_run(clickhouse: str) -> None:
    audit = Audit(f"{clickhouse}/default")
    item = planned(1)
    for ask in (
        lambda: audit.stored({item.identity}),
        lambda: audit.replayed({item.origin}),
        lambda: audit.note(RUN, Outcome.SENT, NOON, [(item, Place(0, 0))]),
    ):
        with pytest.raises(ConfigurationError, match="run: python -m writer migrate"):
            ask()
    audit.close()


def test_who_it_is() -> None:
    user, host = whoami()
    assert user
    assert host == platform.node()


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 3_999_999_999)
    assert whoami()[0] == "3999999999"
